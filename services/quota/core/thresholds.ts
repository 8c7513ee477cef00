/** Percent of a budget that people are told of, each once in a period. */
export const thresholdsDefault: readonly number[] = [80, 100];
export const thresholdsMax = 8;
export const thresholdPercentMax = 1_000;

/** Whole percent, rounded down, so that "100" means that nothing is left. */
export function usedPercent(usedNanos: bigint, nanos: bigint): number {
  if (nanos <= 0n) return 100;
  return Number((usedNanos * 100n) / nanos);
}

/** The thresholds that have been reached since those up to `toldPercent` were told. */
export function reachedThresholds(
  thresholds: readonly number[],
  {
    usedPercent: used,
    toldPercent,
  }: { readonly usedPercent: number; readonly toldPercent: number },
): readonly number[] {
  return thresholds.filter((percent) => percent > toldPercent && percent <= used);
}

/** True when answers should say that the budget is used so far. */
export function isWarnedOf(thresholds: readonly number[], used: number): boolean {
  return thresholds.some((percent) => percent <= used);
}
