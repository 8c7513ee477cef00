import type { EndSessionRequest, EndSessionResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authFaults } from "../faults.ts";
import { requireSelf } from "../own-person.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { endSessions, lockSession } from "../store/people.ts";

/** Ends one of a person's sessions, everywhere within 100 ms; again it changes nothing. */
export async function endSession(
  { database }: AuthParts,
  { userId, sessionId }: EndSessionRequest,
  context: CallContext,
): Promise<MessageInit<EndSessionResponse>> {
  requireSelf(context, userId);
  await act(database, context, async (action) => {
    const session = await lockSession(action.tx, { userId, sessionId });
    if (session === undefined) throw authFaults.session_not_found();
    if (session.ended_at !== null) return;
    await endSessions(action.tx, [sessionId], action.now);
    action.revoke({ sessionId });
    const { organisation_id: organisationId } = session;
    action.audit({ organisationId, action: "session.ended", target: sessionId });
  });
  return {};
}
