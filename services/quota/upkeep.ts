/** What a replica does by the clock. Several replicas may do it at once; each step is safe alone. */
import type { Lifecycle } from "@tandem/libs/service";
import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Books } from "./store/books.ts";
import { ageLeases, expireAll, forgetOld, sumOfAccounts } from "./store/upkeep.ts";

const forgetPeriodMs = 3_600_000;

export function startUpkeep(
  parts: {
    readonly books: Books;
    readonly world: World;
    readonly log: Log;
    readonly metrics: Metrics;
    readonly lifecycle: Lifecycle;
  },
  periods: { readonly agePeriodMs: number; readonly checkPeriodMs: number },
): void {
  const { books, world, log, metrics, lifecycle } = parts;
  const drift = metrics.gauge({
    name: "tandem_ledger_drift_nanos",
    help: "Sum over all accounts of the ledger. Anything but 0 means that it is broken.",
    isTold: true,
  });
  const every = (name: string, periodMs: number, task: () => Promise<unknown>): void => {
    let isRunning = false;
    const timer = world.timers.every(periodMs, () => {
      // A task that is slower than its period is not started on top of itself.
      if (isRunning) return;
      isRunning = true;
      task()
        .catch((error: unknown) => log.warn("upkeep_failed", { task: name, error: String(error) }))
        .finally(() => {
          isRunning = false;
        });
    });
    lifecycle.defer(name, () => timer.cancel());
  };
  every("leases of silent holders", periods.agePeriodMs, () => ageLeases(books));
  every("expired credit", periods.agePeriodMs, () => expireAll(books));
  every("what is too old", forgetPeriodMs, () => forgetOld(books));
  every("sum of the ledger", periods.checkPeriodMs, async () => {
    const sum = await sumOfAccounts(books);
    drift.set(Number(sum));
    if (sum !== 0n) log.error("ledger_drift", { sum_nanos: String(sum) });
  });
}
