import type { Membership, RemoveMemberRequest } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireWriter } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { membershipMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { selectMemberships } from "../store/memberships.ts";

/** Ends a membership. Repeated it answers alike, so that a removal can be finished. */
export async function removeMember(
  parts: UsersParts,
  { organisationId, userId }: RemoveMemberRequest,
  context: CallContext,
): Promise<MessageInit<Membership>> {
  requireWriter(context, organisationId, usersFaults.member_not_found);
  return act(parts, context, async ({ tx, now, audit }) => {
    const { numUpdatedRows } = await tx
      .updateTable("memberships")
      .set({ removed_at: now })
      .where("organisation_id", "=", organisationId)
      .where("user_id", "=", userId)
      .where("removed_at", "is", null)
      .executeTakeFirst();
    const row = await selectMemberships(tx)
      .where("memberships.organisation_id", "=", organisationId)
      .where("memberships.user_id", "=", userId)
      .executeTakeFirst();
    if (row === undefined) throw usersFaults.member_not_found();
    if (numUpdatedRows === 1n) audit({ organisationId, action: "member.removed", target: userId });
    return membershipMessage(row);
  });
}
