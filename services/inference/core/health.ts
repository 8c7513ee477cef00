/**
 * Whether an upstream is well, from looks at it (probes) and from what gateways met (attempts).
 * States: unknown → up ⇄ degraded ⇄ down. Two failed looks in a row make it down, two good ones
 * up again (fall 2, rise 2); a share of failed attempts makes it degraded.
 */
export type HealthState = "unknown" | "up" | "degraded" | "down";

export interface Health {
  readonly state: HealthState;
  readonly reason: string;
  readonly sinceMs: number;
  readonly failedLooks: number;
  readonly goodLooks: number;
  readonly window: readonly AttemptCount[];
}

interface AttemptCount {
  readonly atMs: number;
  readonly succeeded: number;
  readonly failed: number;
}

export type HealthEvent =
  | { readonly kind: "look"; readonly ok: boolean; readonly reason: string }
  | {
      readonly kind: "attempts";
      readonly succeeded: number;
      readonly failed: number;
      readonly lastFailure: string;
    };

const fall = 2;
const rise = 2;
const windowMs = 10_000;
/** Fewer attempts than this say nothing. */
const attemptsMin = 10;
/** The share of failures from which an upstream is unwell (error rate). */
const degradedRatio = 0.05;
const downRatio = 0.5;

export function unknownHealth(nowMs: number): Health {
  return { state: "unknown", reason: "", sinceMs: nowMs, failedLooks: 0, goodLooks: 0, window: [] };
}

/** The health after an event at `nowMs`. The same object when nothing changed. */
export function nextHealth(health: Health, event: HealthEvent, nowMs: number): Health {
  return event.kind === "look"
    ? afterLook(health, event, nowMs)
    : afterAttempts(health, event, nowMs);
}

function afterLook(
  health: Health,
  { ok, reason }: { ok: boolean; reason: string },
  nowMs: number,
): Health {
  const goodLooks = ok ? Math.min(health.goodLooks + 1, rise) : 0;
  const failedLooks = ok ? 0 : Math.min(health.failedLooks + 1, fall);
  const counted = { ...health, goodLooks, failedLooks };
  if (failedLooks >= fall) return moved(counted, { state: "down", reason }, nowMs);
  if (ok && (health.state === "unknown" || (health.state === "down" && goodLooks >= rise))) {
    return moved({ ...counted, window: [] }, { state: "up", reason: "" }, nowMs);
  }
  return goodLooks === health.goodLooks && failedLooks === health.failedLooks ? health : counted;
}

function afterAttempts(
  health: Health,
  event: { succeeded: number; failed: number; lastFailure: string },
  nowMs: number,
): Health {
  const window = [
    ...health.window.filter((entry) => entry.atMs > nowMs - windowMs),
    { atMs: nowMs, succeeded: event.succeeded, failed: event.failed },
  ];
  const succeeded = window.reduce((sum, entry) => sum + entry.succeeded, 0);
  const failed = window.reduce((sum, entry) => sum + entry.failed, 0);
  const counted = { ...health, window };
  if (health.state === "down" && health.failedLooks >= fall) return counted;
  if (succeeded + failed < attemptsMin) {
    return health.state === "unknown" && event.succeeded > 0
      ? moved(counted, { state: "up", reason: "" }, nowMs)
      : counted;
  }
  const ratio = failed / (succeeded + failed);
  const reason = `${Math.round(ratio * 100)} % of attempts failed: ${event.lastFailure}`;
  if (ratio >= downRatio) return moved(counted, { state: "down", reason }, nowMs);
  if (ratio > degradedRatio) return moved(counted, { state: "degraded", reason }, nowMs);
  return moved(counted, { state: "up", reason: "" }, nowMs);
}

function moved(
  health: Health,
  to: { readonly state: HealthState; readonly reason: string },
  nowMs: number,
): Health {
  return health.state === to.state ? health : { ...health, ...to, sinceMs: nowMs };
}
