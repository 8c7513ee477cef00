/**
 * How guessing is slowed down. Attempts are counted before the password is looked at, and given
 * back when it was right, so that a thousand guesses at once are counted like one after the other.
 * An address has more free attempts than an e-mail address, since many people may share it.
 */
export interface LockOutRule {
  /** Attempts in a row without a pause. */
  readonly freeAttempts: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** After this much quiet everything is forgotten. */
  readonly forgottenAfterMs: number;
}

export const emailRule: LockOutRule = {
  freeAttempts: 5,
  firstPauseMs: 1_000,
  longestPauseMs: 900_000,
  forgottenAfterMs: 3_600_000,
};

export const addressRule: LockOutRule = {
  freeAttempts: 30,
  firstPauseMs: 1_000,
  longestPauseMs: 900_000,
  forgottenAfterMs: 3_600_000,
};

/** What is remembered of a subject. Times in milliseconds since 1970. */
export interface AttemptCount {
  readonly attempts: number;
  readonly lastAtMs: number;
  readonly blockedUntilMs: number;
}

export type AttemptDecision =
  | { readonly allowed: true; readonly count: AttemptCount }
  | { readonly allowed: false; readonly retryAfterMs: number };

/** Whether an attempt may be made now, and what to remember if it is. */
export function takeAttempt(
  known: AttemptCount | undefined,
  rule: LockOutRule,
  nowMs: number,
): AttemptDecision {
  if (known !== undefined && known.blockedUntilMs > nowMs) {
    return { allowed: false, retryAfterMs: known.blockedUntilMs - nowMs };
  }
  const isFresh = known === undefined || nowMs - known.lastAtMs >= rule.forgottenAfterMs;
  const attempts = (isFresh ? 0 : known.attempts) + 1;
  return {
    allowed: true,
    count: { attempts, lastAtMs: nowMs, blockedUntilMs: nowMs + pauseMs(attempts, rule) },
  };
}

/** The pause that follows the n-th attempt in a row: none, then doubling. */
export function pauseMs(attempts: number, rule: LockOutRule): number {
  const beyond = attempts - rule.freeAttempts;
  if (beyond < 0) return 0;
  return Math.min(rule.longestPauseMs, rule.firstPauseMs * 2 ** Math.min(beyond, 30));
}
