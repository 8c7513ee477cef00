/** What a key is at a moment. States: active → expired or revoked, both for good. */
export type KeyState = "active" | "expired" | "revoked";

/** Times in milliseconds since 1970; undefined for never. */
export interface KeyTimes {
  readonly expiresAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

export function keyState({ expiresAtMs, revokedAtMs }: KeyTimes, nowMs: number): KeyState {
  if (revokedAtMs !== undefined) return "revoked";
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? "expired" : "active";
}

/** The earlier of two ends; undefined when there is neither. */
export function earlierEnd(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}

export const overlapMsMax = 24 * 3_600_000;

/** A key as people recognise it: how it begins, and its last four characters. */
export function displayOf(secret: string): string {
  const start = secret.indexOf("_") + 1;
  return `${secret.slice(0, start + 3)}…${secret.slice(-4)}`;
}
