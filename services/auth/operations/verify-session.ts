import type { Identity, VerifySessionRequest } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { isSessionAlive, needsTouch, sessionEndMs } from "../core/session-life.ts";
import { authFaults } from "../faults.ts";
import { sessionIdentity } from "../messages.ts";
import type { AuthParts } from "../parts.ts";
import { sessionRuleOf } from "../session-rule.ts";
import { lookUpSession, touchSession } from "../store/people.ts";
import { hashToken } from "../tokens.ts";

/** Who is signed in; counts as use. Throws `auth.session_ended` for any token that is not good. */
export async function verifySession(
  { database, pepper, config }: AuthParts,
  { sessionToken }: VerifySessionRequest,
  context: CallContext,
): Promise<MessageInit<Identity>> {
  requirePlatform(context);
  const rule = sessionRuleOf(config);
  const now = new Date(database.world.clock.nowMs());
  const session = await lookUpSession(database, hashToken(pepper, "session", sessionToken));
  if (session === undefined) throw authFaults.session_ended();
  const times = {
    createdAtMs: session.created_at.getTime(),
    seenAtMs: session.seen_at.getTime(),
    endedAtMs: session.ended_at?.getTime(),
  };
  if (!isSessionAlive(times, rule, now.getTime())) throw authFaults.session_ended();
  if (needsTouch(times, rule, now.getTime())) await touchSession(database, session.id, now);
  return sessionIdentity({
    id: session.id,
    userId: session.user_id,
    organisationId: session.organisation_id,
    roles: session.roles,
    endsAtMs: sessionEndMs({ ...times, seenAtMs: now.getTime() }, rule),
    sequence: session.head,
  });
}
