/** How long a session lives. All times in milliseconds. */
export interface SessionRule {
  /** Without a request for this long it ends. */
  readonly idleMs: number;
  /** It ends in any case after this long. */
  readonly absoluteMs: number;
  /** Its use is written down at most this often. */
  readonly touchMs: number;
}

export interface SessionTimes {
  readonly createdAtMs: number;
  readonly seenAtMs: number;
  readonly endedAtMs: number | undefined;
}

/** When a session ends if nothing more comes; the past when it has ended. */
export function sessionEndMs(session: SessionTimes, rule: SessionRule): number {
  if (session.endedAtMs !== undefined) return session.endedAtMs;
  return Math.min(session.seenAtMs + rule.idleMs, session.createdAtMs + rule.absoluteMs);
}

export function isSessionAlive(session: SessionTimes, rule: SessionRule, nowMs: number): boolean {
  return session.endedAtMs === undefined && nowMs < sessionEndMs(session, rule);
}

export function needsTouch(session: SessionTimes, rule: SessionRule, nowMs: number): boolean {
  return nowMs - session.seenAtMs >= rule.touchMs;
}
