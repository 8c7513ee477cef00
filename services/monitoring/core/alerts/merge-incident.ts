import type { Incident } from "./alert-book.ts";

/** Looks of two replicas are a second apart; what they saw then is the same moment. */
const toleranceMs = 2_500;

/**
 * What the log says once a replica has told what it knows. `known` is the newest incident about the
 * same subject. Replicas may tell in any order, twice, and much later (the log was away): whoever
 * saw it last decides whether it is over, and what overlaps in time is one incident.
 */
export function mergeIncident(known: Incident | undefined, told: Incident): Incident {
  if (known === undefined || isLater(known, told)) return told;
  const openedAtMs = Math.min(known.openedAtMs, told.openedAtMs);
  const newest = told.lastSeenAtMs >= known.lastSeenAtMs ? told : known;
  const lastSeenAtMs = newest.lastSeenAtMs;
  const { reason } = newest;
  const base = { ...known, openedAtMs, lastSeenAtMs, reason };
  if (known.closedAtMs !== undefined && told.closedAtMs !== undefined) {
    return { ...base, closedAtMs: Math.max(known.closedAtMs, told.closedAtMs) };
  }
  const closed = known.closedAtMs === undefined ? told : known;
  if (closed.closedAtMs === undefined) return base;
  const isSeenSince = lastSeenAtMs > closed.lastSeenAtMs + toleranceMs;
  return isSeenSince
    ? { ...base, closedAtMs: undefined, closeReason: "" }
    : { ...base, closedAtMs: closed.closedAtMs, closeReason: closed.closeReason };
}

/** Another time about the same: it began after the known one was over. */
function isLater(known: Incident, told: Incident): boolean {
  return known.closedAtMs !== undefined && told.openedAtMs > known.closedAtMs;
}
