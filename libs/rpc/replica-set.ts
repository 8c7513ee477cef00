/**
 * Which replica of a service gets the next call: the one with the fewest calls under way among
 * those not out of rotation; ties go round. A refused or broken connection takes a replica out for
 * 200 ms, doubling to 5 s; when all are out, all are asked (never an empty list). While some are on
 * trial, first attempts go to them for their share only.
 */
import { type ClientPool, createClientPool } from "../http/index.ts";
import { drawSide, ReplicaTally, type Trial, trialOf } from "../resilience/index.ts";
import type { World } from "../world/index.ts";

const firstAbsenceMs = 200;
const longestAbsenceMs = 5_000;

export interface ReplicaTarget {
  readonly address: ReplicaAddress;
  readonly pool: ClientPool;
  callsUnderWay: number;
  failuresInRow: number;
  outUntilMs: number;
  /** It is of a release that has to prove itself, and others are there that had not to. */
  isOnTrial: boolean;
  /** Since it is in this set. */
  readonly tally: ReplicaTally;
}

export interface ReplicaSet {
  /** As it is at the moment. */
  readonly targets: readonly Pick<ReplicaTarget, "address" | "tally">[];
  /** The best replica that is not in `tried`; undefined when all were tried. */
  choose(tried: ReadonlySet<ReplicaTarget>): ReplicaTarget | undefined;
  reportSuccess(target: ReplicaTarget): void;
  reportFailure(target: ReplicaTarget): void;
  /**
   * Who is there from now on, and with which weight each; calls under way to those that go are
   * finished.
   */
  setAddresses(addresses: readonly ReplicaAddress[], weightOf?: WeightOf): void;
  close(): void;
}

type ReplicaAddress = `unix:${string}` | `tcp:${string}`;

/** Share of first attempts that a replica may have; 1 unless it is on trial. */
type WeightOf = (address: ReplicaAddress) => number;

const fullWeight: WeightOf = () => 1;

export function createReplicaSet(options: {
  readonly addresses: readonly ReplicaAddress[];
  readonly world: World;
  readonly weightOf?: WeightOf;
}): ReplicaSet {
  const { clock, randomness } = options.world;
  const open = (address: ReplicaAddress): ReplicaTarget => ({
    address,
    pool: createClientPool({ address, world: options.world }),
    callsUnderWay: 0,
    failuresInRow: 0,
    outUntilMs: 0,
    isOnTrial: false,
    tally: new ReplicaTally(),
  });
  let targets: readonly ReplicaTarget[] = [];
  let trial: Trial<ReplicaTarget> | undefined;
  let isClosed = false;
  let next = 0;
  const take = (addresses: readonly ReplicaAddress[], weightOf: WeightOf): void => {
    const before = new Map(targets.map((target) => [target.address, target]));
    targets = addresses.map((address) => before.get(address) ?? open(address));
    for (const target of before.values()) {
      if (!targets.includes(target)) target.pool.close();
    }
    trial = trialOf(targets, ({ address }) => weightOf(address));
    for (const target of targets) target.isOnTrial = trial?.onTrial.includes(target) === true;
  };
  const sideOf = (current: Trial<ReplicaTarget>, nowMs: number): readonly ReplicaTarget[] => {
    const side = drawSide(current, randomness.fraction());
    return side.some(({ outUntilMs }) => outUntilMs <= nowMs) ? side : targets;
  };
  take(options.addresses, options.weightOf ?? fullWeight);
  return {
    get targets() {
      return targets;
    },
    choose(tried) {
      next += 1;
      const nowMs = clock.monotonicMs();
      const among = trial === undefined || tried.size > 0 ? targets : sideOf(trial, nowMs);
      return chooseTarget(among, { tried, offset: next, nowMs });
    },
    reportSuccess(target) {
      target.failuresInRow = 0;
      target.outUntilMs = 0;
    },
    reportFailure(target) {
      const absenceMs = Math.min(longestAbsenceMs, firstAbsenceMs * 2 ** target.failuresInRow);
      target.failuresInRow += 1;
      target.outUntilMs = clock.monotonicMs() + absenceMs;
    },
    setAddresses(addresses, weightOf = fullWeight) {
      if (!isClosed) take(addresses, weightOf);
    },
    close() {
      isClosed = true;
      for (const target of targets) target.pool.close();
    },
  };
}

/** Pure: the choice among these targets at this moment. */
export function chooseTarget<
  Target extends { readonly callsUnderWay: number; readonly outUntilMs: number },
>(
  targets: readonly Target[],
  given: { readonly tried: ReadonlySet<Target>; readonly offset: number; readonly nowMs: number },
): Target | undefined {
  let best: Target | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let index = 0; index < targets.length; index += 1) {
    const target = targets[(index + given.offset) % targets.length];
    if (target === undefined || given.tried.has(target)) continue;
    const isOut = target.outUntilMs > given.nowMs;
    const cost = target.callsUnderWay + (isOut ? 1_000_000 : 0);
    if (cost < bestCost) {
      best = target;
      bestCost = cost;
    }
  }
  return best;
}
