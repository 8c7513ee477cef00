import type { Invitation, RevokeInvitationRequest } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireWriter } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { invitationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { updateInvitation } from "../store/invitations.ts";

/** Takes an invitation back. Throws `users.invitation_closed` once it was accepted. */
export async function revokeInvitation(
  parts: UsersParts,
  { organisationId, id }: RevokeInvitationRequest,
  context: CallContext,
): Promise<MessageInit<Invitation>> {
  requireWriter(context, organisationId, usersFaults.invitation_not_found);
  return act(parts, context, async ({ tx, now, audit }) => {
    const row = await tx
      .selectFrom("invitations")
      .selectAll()
      .where("id", "=", id)
      .where("organisation_id", "=", organisationId)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw usersFaults.invitation_not_found();
    if (row.accepted_at !== null) throw usersFaults.invitation_closed();
    if (row.revoked_at !== null) return invitationMessage(row);
    audit({ organisationId, action: "invitation.revoked", target: id });
    return invitationMessage(await updateInvitation(tx, row, { revoked_at: now }));
  });
}
