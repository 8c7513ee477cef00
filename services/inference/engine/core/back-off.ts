/** Doubling pauses with jitter, for what is tried again and again in the background. Pure. */
export interface BackOffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * The pause in milliseconds before attempt `attempt` (1 is the first repetition): doubled each
 * time up to `lastMs`, then shortened by up to a quarter by `fraction` in [0, 1), so that many
 * engines that failed together do not come back together.
 */
export function backOffMs(attempt: number, limits: BackOffLimits, fraction: number): number {
  const doubled = limits.firstMs * 2 ** Math.min(attempt - 1, 30);
  return Math.round(Math.min(doubled, limits.lastMs) * (1 - fraction / 4));
}
