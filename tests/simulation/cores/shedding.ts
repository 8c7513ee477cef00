import { LoadShedder } from "@tandem/libs/resilience";
import type { SeededRandom } from "@tandem/libs/testing";

/** What one process was asked for and did, by priority. */
export interface ShedReport {
  readonly asked: number[];
  readonly served: number[];
  readonly latenciesMs: number[];
  /** From the end of the load until nobody would be turned away. */
  readonly calmAfterMs: number;
}

const [serveMs, refuseMs, tickMs] = [1, 0.02, 50] as const;
/** What one turn takes in, as the kernel hands it over; the rest waits in its sockets. */
const turnMax = 512;

/**
 * One event loop: each turn takes what has come since the last one, serves it or turns it away, and
 * looks at the clock when that is due. A thousand requests a second are what it can serve.
 */
export function runLoop(
  random: SeededRandom,
  given: { readonly perSecond: number; readonly forMs: number; readonly shares: readonly number[] },
): ShedReport {
  const shedder = new LoadShedder();
  const asked = given.shares.map(() => 0);
  const served = given.shares.map(() => 0);
  const latenciesMs: number[] = [];
  let [nowMs, tickedMs, arrivedMs] = [0, 0, 0];
  const handle = (sinceMs: number): void => {
    const priority = priorityFrom(random.fraction(), given.shares);
    asked[priority] = (asked[priority] ?? 0) + 1;
    const isAdmitted = shedder.admits(priority, random.fraction());
    nowMs += isAdmitted ? serveMs : refuseMs;
    if (!isAdmitted) return;
    served[priority] = (served[priority] ?? 0) + 1;
    latenciesMs.push(nowMs - sinceMs);
  };
  const turn = (): void => {
    const untilMs = Math.min(nowMs, given.forMs);
    nowMs += 0.1;
    for (let count = 0; arrivedMs < untilMs && count < turnMax; count += 1) {
      handle(arrivedMs);
      arrivedMs += 1_000 / given.perSecond;
    }
    if (nowMs - tickedMs < tickMs) return;
    shedder.tick(nowMs - tickedMs, tickMs);
    tickedMs = nowMs;
  };
  while (nowMs < given.forMs) turn();
  while (!shedder.isIdle) turn();
  return { asked, served, latenciesMs, calmAfterMs: nowMs - given.forMs };
}

function priorityFrom(fraction: number, shares: readonly number[]): number {
  let sum = 0;
  const found = shares.findIndex((share) => {
    sum += share;
    return fraction < sum;
  });
  return Math.max(0, found);
}
