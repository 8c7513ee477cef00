/**
 * Which replica of a service gets the next call: the one with the fewest calls under way among
 * those not out of rotation; ties go round. A refused or broken connection takes a replica out for
 * 200 ms, doubling to 5 s; when all are out, all are asked (never an empty list).
 */
import { type ClientPool, createClientPool } from "../http/index.ts";
import type { World } from "../world/index.ts";

const firstAbsenceMs = 200;
const longestAbsenceMs = 5_000;

export interface ReplicaTarget {
  readonly address: string;
  readonly pool: ClientPool;
  callsUnderWay: number;
  failuresInRow: number;
  outUntilMs: number;
}

export interface ReplicaSet {
  /** The best replica that is not in `tried`; undefined when all were tried. */
  choose(tried: ReadonlySet<ReplicaTarget>): ReplicaTarget | undefined;
  reportSuccess(target: ReplicaTarget): void;
  reportFailure(target: ReplicaTarget): void;
  /** Who is there from now on; calls under way to those that go are finished. */
  setAddresses(addresses: readonly ReplicaAddress[]): void;
  close(): void;
}

type ReplicaAddress = `unix:${string}` | `tcp:${string}`;

export function createReplicaSet(options: {
  readonly addresses: readonly ReplicaAddress[];
  readonly world: World;
}): ReplicaSet {
  const open = (address: ReplicaAddress): ReplicaTarget => ({
    address,
    pool: createClientPool({ address, world: options.world }),
    callsUnderWay: 0,
    failuresInRow: 0,
    outUntilMs: 0,
  });
  let targets = options.addresses.map(open);
  let isClosed = false;
  let next = 0;
  return {
    choose(tried) {
      next += 1;
      return chooseTarget(targets, {
        tried,
        offset: next,
        nowMs: options.world.clock.monotonicMs(),
      });
    },
    reportSuccess(target) {
      target.failuresInRow = 0;
      target.outUntilMs = 0;
    },
    reportFailure(target) {
      const absenceMs = Math.min(longestAbsenceMs, firstAbsenceMs * 2 ** target.failuresInRow);
      target.failuresInRow += 1;
      target.outUntilMs = options.world.clock.monotonicMs() + absenceMs;
    },
    setAddresses(addresses) {
      if (isClosed) return;
      const before = new Map(targets.map((target) => [target.address, target]));
      targets = addresses.map((address) => before.get(address) ?? open(address));
      for (const target of before.values()) {
        if (!targets.includes(target)) target.pool.close();
      }
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
