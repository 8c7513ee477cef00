/**
 * The generic cell rate algorithm in its form as a continuous-state leaky bucket (ITU-T I.371,
 * annex A, where it is shown equal to the better known form with a theoretical arrival time). The
 * bucket's form is taken because its two numbers stay small and exact at any rate, and because a
 * clock that jumps back costs nobody more than one step: a stored arrival time in the future would
 * lock a tenant out until the clock has caught up.
 */
import { assert } from "../kernel/index.ts";

/** Tokens are fractions while they leak; a difference below this one is rounding, not debt. */
const epsilonTokens = 1e-6;

export interface GcraLimit {
  /** Tokens that come back in each period, above 0. */
  readonly limit: number;
  /** Milliseconds, above 0. */
  readonly periodMs: number;
  /** Tokens that may be taken at once, at least 1; usually the same as `limit`. */
  readonly burst: number;
}

/** What is stored for a limit; absent while nothing is taken. */
export interface GcraState {
  /** Tokens taken and not yet come back, as of `atMs`; from 0 to `burst`. */
  readonly level: number;
  readonly atMs: number;
}

/** One limit's part in a decision. */
export interface GcraDemand {
  readonly limit: GcraLimit;
  /** Tokens wanted, 0 or more; 0 asks for the state and takes nothing. */
  readonly cost: number;
}

export interface GcraVerdict {
  /** This limit alone would allow it. */
  readonly allowed: boolean;
  /** Whole tokens that could be taken next. */
  readonly remaining: number;
  /** Milliseconds, rounded up, until nothing is taken any more. */
  readonly resetMs: number;
  /** Milliseconds, rounded up, until this cost is allowed; 0 if it is, Infinity if it never is. */
  readonly retryAfterMs: number;
}

export interface GcraDecision {
  readonly allowed: boolean;
  /** Index of the limit that decided: the longest wait, else the least share remaining. */
  readonly binding: number;
  /** In the order of the demands. */
  readonly verdicts: readonly GcraVerdict[];
}

/** The level after the time since `state`; a clock that went back lets nothing leak. */
export function gcraLevel(state: GcraState | undefined, limit: GcraLimit, nowMs: number): number {
  if (state === undefined) return 0;
  const elapsedMs = Math.max(0, nowMs - state.atMs);
  return Math.max(0, state.level - (elapsedMs * limit.limit) / limit.periodMs);
}

/** True when `cost` more tokens fit on top of `level`. */
export function gcraFits(level: number, { limit, cost }: GcraDemand): boolean {
  return level + cost <= limit.burst + epsilonTokens;
}

/** All or nothing: from the present levels, one a demand, to the decision and its figures. */
export function gcraDecide(
  demands: readonly GcraDemand[],
  levels: readonly number[],
): GcraDecision {
  const allowed = demands.every((demand, index) => gcraFits(levels[index] ?? 0, demand));
  let binding = 0;
  let worst = Number.NEGATIVE_INFINITY;
  const verdicts = demands.map((demand, index) => {
    const verdict = verdictOf(demand, levels[index] ?? 0, allowed);
    const share = verdict.remaining / demand.limit.burst;
    const severity = allowed ? 1 - share : verdict.retryAfterMs;
    if (severity > worst) {
      worst = severity;
      binding = index;
    }
    return verdict;
  });
  return { allowed, binding, verdicts };
}

/** Throws an `AssertionFault` for a limit or cost outside of the ranges above. */
export function checkGcraDemand({ limit, cost }: GcraDemand): void {
  assert(limit.limit > 0 && Number.isFinite(limit.limit), "a rate limit must be above 0");
  assert(limit.periodMs > 0 && Number.isFinite(limit.periodMs), "a period must be above 0 ms");
  assert(limit.burst >= 1 && Number.isFinite(limit.burst), "a burst must be at least 1");
  assert(cost >= 0 && Number.isFinite(cost), "a cost must be 0 or more");
}

/** `isTaken`: the whole decision was to allow, so `cost` counts. */
function verdictOf(demand: GcraDemand, level: number, isTaken: boolean): GcraVerdict {
  const { limit, cost } = demand;
  const levelAfter = isTaken ? level + cost : level;
  const msOf = (tokens: number) => Math.ceil((tokens * limit.periodMs) / limit.limit);
  const allowed = gcraFits(level, demand);
  const waitMs = cost > limit.burst ? Number.POSITIVE_INFINITY : msOf(level + cost - limit.burst);
  return {
    allowed,
    remaining: Math.max(0, Math.floor(limit.burst - levelAfter + epsilonTokens)),
    resetMs: msOf(levelAfter),
    retryAfterMs: allowed ? 0 : waitMs,
  };
}
