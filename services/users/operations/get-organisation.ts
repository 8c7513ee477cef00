import type { GetOrganisationRequest, Organisation } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember, seesEveryOrganisation } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { organisationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { findMembership } from "../store/memberships.ts";

/** One's own organisation, or another one of the same person; any for the platform's operators. */
export async function getOrganisation(
  { database }: UsersParts,
  { id }: GetOrganisationRequest,
  context: CallContext,
): Promise<MessageInit<Organisation>> {
  const { userId } = context.passport;
  if (!seesEveryOrganisation(context)) {
    const membership =
      userId === "" ? undefined : await findMembership(database, { organisationId: id, userId });
    if (membership === undefined) requireMember(context, id, usersFaults.organisation_not_found);
  }
  const row = await database
    .selectFrom("organisations")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw usersFaults.organisation_not_found();
  return organisationMessage(row);
}
