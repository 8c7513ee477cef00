import type { SignOutRequest, SignOutResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { endSessions, lookUpSession } from "../store/people.ts";
import { hashToken } from "../tokens.ts";

/** Ends a session, everywhere within 100 ms. One that has ended already is left as it is. */
export async function signOut(
  { database, pepper }: AuthParts,
  { sessionToken }: SignOutRequest,
  context: CallContext,
): Promise<MessageInit<SignOutResponse>> {
  requirePlatform(context);
  const session = await lookUpSession(database, hashToken(pepper, "session", sessionToken));
  if (session === undefined || session.ended_at !== null) return {};
  await act(database, context, async (action) => {
    await endSessions(action.tx, [session.id], action.now);
    action.revoke({ sessionId: session.id });
    action.audit({
      organisationId: session.organisation_id,
      action: "session.ended",
      target: session.id,
      by: { actor: session.user_id, requestId: context.requestId, at: action.now },
    });
  });
  return {};
}
