/**
 * States of an invitation: open → accepted → complete, or open → expired, or open → revoked. In
 * `accepted` the membership stands and the rest (password, role) may still be under way, so the
 * token works once more; in all others but `open` it opens nothing.
 */
export type InvitationState = "open" | "accepted" | "complete" | "expired" | "revoked";

/** Times in milliseconds since 1970; undefined for what has not happened. */
export interface InvitationTimes {
  readonly expiresAtMs: number;
  readonly acceptedAtMs: number | undefined;
  readonly completedAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

/** An acceptance must be finished within this long. */
const acceptanceMs = 3_600_000;

export function invitationState(times: InvitationTimes, nowMs: number): InvitationState {
  const { expiresAtMs, acceptedAtMs, completedAtMs, revokedAtMs } = times;
  if (completedAtMs !== undefined) return "complete";
  if (revokedAtMs !== undefined) return "revoked";
  if (acceptedAtMs !== undefined) {
    return nowMs - acceptedAtMs < acceptanceMs ? "accepted" : "complete";
  }
  return nowMs < expiresAtMs ? "open" : "expired";
}
