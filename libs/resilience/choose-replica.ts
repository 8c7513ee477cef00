import type { PeakEwma } from "./peak-ewma.ts";
import type { ReplicaHealth } from "./replica-health.ts";

/** What the choice looks at. */
export interface ReplicaCandidate {
  readonly load: PeakEwma;
  readonly health: ReplicaHealth;
}

export interface ChooseOptions<Candidate> {
  readonly nowMs: number;
  /** Uniform in [0, 1), drawn up to twice. */
  readonly fraction: () => number;
  /** Tried already for this request; chosen again only when nobody else is left. */
  readonly tried?: ReadonlySet<Candidate>;
}

export interface Choice<Candidate> {
  readonly replica: Candidate;
  /** Less than half of the pool was available, so health was not looked at. */
  readonly isPanic: boolean;
}

/**
 * The better of two drawn at random (power of two choices), by peak-EWMA cost over the share that a
 * returning replica may have. A replica on trial gets its one call at once: it has to come back,
 * and a failed trial is tried again elsewhere. Below half of the pool available everybody counts,
 * since the rest could not carry the load. Undefined only for an empty pool.
 */
export function chooseReplica<Candidate extends ReplicaCandidate>(
  pool: readonly Candidate[],
  { nowMs, fraction, tried }: ChooseOptions<Candidate>,
): Choice<Candidate> | undefined {
  const available = pool.filter((candidate) => candidate.health.availability(nowMs) !== "out");
  const isPanic = available.length * 2 < pool.length;
  const eligible = isPanic ? pool : available;
  const untried = tried === undefined ? eligible : eligible.filter((each) => !tried.has(each));
  // A replica that is out but untried is a better bet than one that failed a moment ago.
  const others = untried.length > 0 ? untried : pool.filter((each) => tried?.has(each) !== true);
  const drawn = drawTwo(others.length > 0 ? others : pool, fraction);
  const [first, second = first] = drawn;
  if (first === undefined || second === undefined) return undefined;
  if (!isPanic) {
    for (const each of drawn) {
      if (each.health.availability(nowMs) === "trial") return { replica: each, isPanic };
    }
  }
  const isFirst = weightedCost(first, nowMs) <= weightedCost(second, nowMs);
  return { replica: isFirst ? first : second, isPanic };
}

function weightedCost({ load, health }: ReplicaCandidate, nowMs: number): number {
  return load.cost(nowMs) / health.weight(nowMs);
}

function drawTwo<Candidate>(
  pool: readonly Candidate[],
  fraction: () => number,
): readonly Candidate[] {
  const first = Math.floor(fraction() * pool.length);
  if (pool.length < 2) return pool;
  const step = 1 + Math.floor(fraction() * (pool.length - 1));
  return [pool[first], pool[(first + step) % pool.length]].filter((each) => each !== undefined);
}
