/** What one side of the comparison has done since the step began. */
export interface SideFigures {
  readonly attempts: number;
  readonly failures: number;
  /** Attempts by latency, in the order of `boundsMs`; the last bucket is open. */
  readonly latencyCounts: readonly number[];
  readonly boundsMs: readonly number[];
}

export interface CanaryRule {
  /** Percentage points by which the canary may fail more often. */
  readonly errorPointsMax: number;
  /** How many times the others' p99 its own may be. */
  readonly p99FactorMax: number;
  /** Below so many attempts of the canary only gross failure is judged. */
  readonly requestsMin: number;
}

export const canaryRuleDefault: CanaryRule = {
  errorPointsMax: 0.5,
  p99FactorMax: 1.25,
  requestsMin: 200,
};

/**
 * `waiting`: nothing speaks against it, but too little has been seen. `slow`: it answers, far later
 * than the others; the first calls of a process always do.
 */
export type CanaryVerdict =
  | { readonly kind: "good" }
  | { readonly kind: "waiting" }
  | { readonly kind: "slow"; readonly why: string }
  | { readonly kind: "bad"; readonly why: string };

/** So many failures without a doubt are enough, however few attempts there were. */
const grossFailures = 5;
const grossShare = 0.5;
/** Buckets are coarse, and small figures are noise: p99 counts from here on, */
const p99NoiseMs = 50;
/** and a few slow calls are a chance: what 200 calls need for their p99 fewer need too. */
const slowCallsMin = 3;

/**
 * Compares the canary with those that serve beside it at the same time, so that what ails both is
 * not held against the new version.
 */
export function judgeCanary(
  canary: SideFigures,
  control: SideFigures,
  rule: CanaryRule,
): CanaryVerdict {
  const points = (failureShare(canary) - failureShare(control)) * 100;
  const isGross = canary.failures >= grossFailures && failureShare(canary) >= grossShare;
  const isEnough = canary.attempts >= rule.requestsMin;
  if ((isEnough || isGross) && points > rule.errorPointsMax) {
    return {
      kind: "bad",
      why: `${canary.failures} of ${canary.attempts} failed, ${points.toFixed(1)} points more`,
    };
  }
  if (!isEnough) return { kind: "waiting" };
  const [own, others] = [quantileMs(canary, 0.99), quantileMs(control, 0.99)];
  // One bucket is what a quantile of these counts cannot tell apart.
  const limitMs = Math.max(nextBoundMs(canary, others) * rule.p99FactorMax, p99NoiseMs);
  const isSlow = own > limitMs && callsAbove(canary, limitMs) >= slowCallsMin;
  if (control.attempts > 0 && isSlow) {
    return { kind: "slow", why: `p99 ${own} ms against ${others} ms` };
  }
  return { kind: "good" };
}

function failureShare({ attempts, failures }: SideFigures): number {
  return attempts === 0 ? 0 : failures / attempts;
}

/** Upper bound of the bucket that holds the quantile; infinite in the open one. */
function quantileMs({ latencyCounts, boundsMs }: SideFigures, quantile: number): number {
  const total = latencyCounts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [index, count] of latencyCounts.entries()) {
    seen += count;
    if (total > 0 && seen >= total * quantile) return boundsMs[index] ?? Number.POSITIVE_INFINITY;
  }
  return 0;
}

function callsAbove({ latencyCounts, boundsMs }: SideFigures, limitMs: number): number {
  return latencyCounts.reduce((sum, count, index) => {
    return (boundsMs[index] ?? Number.POSITIVE_INFINITY) > limitMs ? sum + count : sum;
  }, 0);
}

function nextBoundMs({ boundsMs }: SideFigures, valueMs: number): number {
  return boundsMs.find((bound) => bound > valueMs) ?? valueMs;
}

/** What happened between two looks at the same counters. */
export function between(before: SideFigures | undefined, after: SideFigures): SideFigures {
  if (before === undefined || after.attempts < before.attempts) return after;
  return {
    attempts: after.attempts - before.attempts,
    failures: after.failures - before.failures,
    latencyCounts: after.latencyCounts.map((count, index) => {
      return count - (before.latencyCounts[index] ?? 0);
    }),
    boundsMs: after.boundsMs,
  };
}

/** The same from several callers, or of several replicas. */
export function sumOf(sides: readonly SideFigures[]): SideFigures {
  const [first, ...rest] = sides;
  if (first === undefined) return { attempts: 0, failures: 0, latencyCounts: [], boundsMs: [] };
  return rest.reduce(
    (sum, side) => ({
      attempts: sum.attempts + side.attempts,
      failures: sum.failures + side.failures,
      latencyCounts: side.latencyCounts.map((count, index) => {
        return count + (sum.latencyCounts[index] ?? 0);
      }),
      boundsMs: side.boundsMs,
    }),
    first,
  );
}
