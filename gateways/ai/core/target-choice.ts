/**
 * Which target gets the next attempt. Pure. Targets of the lowest order come first, those of the
 * other side (primary or standby) last; within an order by weight, or, where weights do not differ,
 * by prefix affinity and then by the better of two (peak-EWMA).
 */
import { chooseReplica, type ReplicaCandidate } from "@tandem/libs/resilience";
import type { PrefixMemory } from "./prefix-affinity.ts";

export interface TargetCandidate extends ReplicaCandidate {
  readonly order: number;
  readonly weight: number;
  readonly isStandby: boolean;
  /** All places at its upstream are taken. */
  readonly isFull: boolean;
  /** 0 to 1, as far as the upstream tells. */
  readonly kvCacheRatio: number;
  readonly memory: PrefixMemory;
}

export interface ChoiceContext<Target> {
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  /** Tried for this request already. */
  readonly tried: ReadonlySet<Target>;
  /** This request is one of those that go to the standby first. */
  readonly prefersStandby: boolean;
  /** Hashes of the prompt's beginning; only asked for where there is a choice. */
  readonly chain: () => readonly number[];
}

/** Weighs a match of prefixes against load; below this match load alone decides. */
const matchMin = 0.5;
const explorationShare = 0.01;
const imbalanceMin = 32;
const imbalanceRatio = 1.5;
/** A sticky target may take this much longer to its first token than the quickest. */
const patienceMs = 5_000;

/** The target to try next; undefined when all were tried. */
export function chooseTarget<Target extends TargetCandidate>(
  targets: readonly Target[],
  context: ChoiceContext<Target>,
): Target | undefined {
  const untried = targets.filter((target) => !context.tried.has(target));
  if (untried.length <= 1) return untried[0];
  const isOut = (target: Target): boolean => target.health.availability(context.nowMs) === "out";
  // Never an empty list: when all are out, all are asked.
  const reachable = untried.some((target) => !isOut(target))
    ? untried.filter((target) => !isOut(target))
    : untried;
  const free = reachable.some(({ isFull }) => !isFull)
    ? reachable.filter(({ isFull }) => !isFull)
    : reachable;
  const rank = ({ isStandby, order }: Target): number =>
    (isStandby === context.prefersStandby ? 0 : 1e6) + order;
  const lowest = Math.min(...free.map(rank));
  const group = free.filter((target) => rank(target) === lowest);
  return chooseWithin(group, context);
}

function chooseWithin<Target extends TargetCandidate>(
  group: readonly Target[],
  context: ChoiceContext<Target>,
): Target | undefined {
  const [first] = group;
  if (group.length <= 1 || first === undefined) return first;
  if (group.some(({ weight }) => weight !== first.weight)) {
    return chooseByWeight(group, context.fraction());
  }
  return chooseByPrefix(group, context) ?? chooseReplica(group, context)?.replica;
}

function chooseByWeight<Target extends TargetCandidate>(
  group: readonly Target[],
  fraction: number,
): Target | undefined {
  const total = group.reduce((sum, { weight }) => sum + Math.max(weight, 0), 0);
  let rest = fraction * total;
  for (const target of group) {
    rest -= Math.max(target.weight, 0);
    if (rest < 0) return target;
  }
  return group.at(-1);
}

function chooseByPrefix<Target extends TargetCandidate>(
  group: readonly Target[],
  { nowMs, fraction, chain }: ChoiceContext<Target>,
): Target | undefined {
  const inFlight = group.map(({ load }) => load.inFlight);
  const most = Math.max(...inFlight);
  const least = Math.min(...inFlight);
  if (most - least > imbalanceMin && most > imbalanceRatio * least) return undefined;
  if (fraction() < explorationShare) return undefined;
  const hashes = chain();
  let best: Target | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  let bestMatch = 0;
  for (const target of group) {
    const match = target.memory.match(hashes);
    const queue = most === 0 ? 0 : target.load.inFlight / most;
    const score = 3 * match + 2 * (1 - queue) + 2 * (1 - target.kvCacheRatio);
    if (score <= bestScore) continue;
    best = target;
    bestScore = score;
    bestMatch = match;
  }
  if (best === undefined || bestMatch <= matchMin) return undefined;
  const quickestMs = Math.min(...group.map(({ load }) => load.latencyMs(nowMs)));
  return best.load.latencyMs(nowMs) > quickestMs + patienceMs ? undefined : best;
}
