/** Figures that monitoring judges by, of databases and the outboxes in them. */
import { type Database, type Executor, outboxStatus, sql } from "../../store/index.ts";
import type { Gauge } from "../../telemetry/index.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { Site } from "../site.ts";
import { toldGauge } from "../told-figures.ts";

const probePeriodMs = 2_000;
const outboxPeriodMs = 10_000;

/** Tells whether a replica reaches its database, also while nobody asks it for anything. */
export function tellDatabase(
  site: Site,
  lifecycle: Lifecycle,
  database: Pick<Database<unknown>, "isReachable" | "answeredAtMs"> & Executor,
): void {
  const labels = { service: site.deployable };
  toldGauge(site, {
    name: "tandem_database_reachable",
    help: "1 while the service reaches its database, else 0.",
    labels: ["service"],
  }).follow(() => Number(database.isReachable), labels);
  everyPeriod(site, lifecycle, {
    name: "database probe",
    periodMs: probePeriodMs,
    // Its failure is seen by the database itself, and told above. Who has just been answered knows.
    run: async () => {
      const silentMs = site.world.clock.monotonicMs() - database.answeredAtMs;
      if (silentMs >= probePeriodMs / 2) await sql`select 1`.execute(database);
    },
  });
}

/** Tells how many events wait to be delivered, for how long, and how many were given up. */
export function tellOutbox(site: Site, lifecycle: Lifecycle, database: Executor): void {
  const labels = { service: site.deployable };
  const gauge = (name: string, help: string): Gauge =>
    toldGauge(site, { name, help, labels: ["service"] });
  const parked = gauge("tandem_events_parked", "Events that were given up after ten tries.");
  const pending = gauge("tandem_events_pending", "Events that wait for their delivery.");
  const oldest = gauge("tandem_events_oldest_seconds", "How long the oldest of them has waited.");
  everyPeriod(site, lifecycle, {
    name: "outbox figures",
    periodMs: outboxPeriodMs,
    run: async () => {
      const status = await outboxStatus(database);
      parked.set(status.parked, labels);
      pending.set(status.pending, labels);
      oldest.set(status.oldestPendingMs / 1_000, labels);
    },
  });
}

/** One run at a time; what fails is tried again with the next period. */
function everyPeriod(
  { world, log }: Site,
  lifecycle: Lifecycle,
  task: { readonly name: string; readonly periodMs: number; readonly run: () => Promise<void> },
): void {
  let isRunning = false;
  const timer = world.timers.every(task.periodMs, () => {
    if (isRunning) return;
    isRunning = true;
    task
      .run()
      .catch((error: unknown) =>
        log.debug("figures_missed", { task: task.name, detail: String(error) }),
      )
      .finally(() => {
        isRunning = false;
      });
  });
  lifecycle.defer(task.name, () => timer.cancel());
}
