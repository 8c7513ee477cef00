import type {
  ListOrganisationsRequest,
  ListOrganisationsResponse,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isPlatform } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { organisationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";

const shownMax = 100;

/** Where a person belongs, the organisation joined first at the top. Nobody asks for another. */
export async function listOrganisations(
  { database }: UsersParts,
  { userId }: ListOrganisationsRequest,
  context: CallContext,
): Promise<MessageInit<ListOrganisationsResponse>> {
  if (!isPlatform(context) && context.passport.userId !== userId) {
    throw usersFaults.user_not_found();
  }
  const rows = await database
    .selectFrom("memberships")
    .innerJoin("organisations", "organisations.id", "memberships.organisation_id")
    .selectAll("organisations")
    .where("memberships.user_id", "=", userId)
    .where("memberships.removed_at", "is", null)
    .orderBy("memberships.joined_at")
    .orderBy("organisations.id")
    .limit(shownMax)
    .execute();
  return { organisations: rows.map(organisationMessage) };
}
