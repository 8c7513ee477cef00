import type {
  CompleteInvitationRequest,
  Invitation,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { hashInvitationToken } from "../invitation-tokens.ts";
import { invitationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { lockInvitationByToken, updateInvitation } from "../store/invitations.ts";

/** The token has done its work. A second time changes nothing. */
export async function completeInvitation(
  parts: UsersParts,
  { token }: CompleteInvitationRequest,
  context: CallContext,
): Promise<MessageInit<Invitation>> {
  requirePlatform(context);
  return act(parts, context, async ({ tx, now }) => {
    const row = await lockInvitationByToken(tx, hashInvitationToken(parts.pepper, token));
    if (row === undefined || row.accepted_at === null) throw usersFaults.invitation_refused();
    if (row.completed_at !== null) return invitationMessage(row);
    return invitationMessage(await updateInvitation(tx, row, { completed_at: now }));
  });
}
