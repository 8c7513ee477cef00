import type { ListMembersResponse, ListRequest } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { membershipMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { selectMemberships } from "../store/memberships.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** By id, hence by when they first came to the platform. */
export async function listMembers(
  { database }: UsersParts,
  { organisationId, limit, after }: ListRequest,
  context: CallContext,
): Promise<MessageInit<ListMembersResponse>> {
  requireMember(context, organisationId, usersFaults.organisation_not_found);
  const size = pageSize(limit);
  let query = selectMemberships(database)
    .where("memberships.organisation_id", "=", organisationId)
    .where("memberships.removed_at", "is", null)
    .orderBy("memberships.user_id")
    .limit(size + 1);
  if (after !== "") query = query.where("memberships.user_id", ">", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { members: rows.map(membershipMessage), hasMore };
}
