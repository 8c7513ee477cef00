import type {
  ListAllOrganisationsRequest,
  ListAllOrganisationsResponse,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { seesEveryOrganisation } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { organisationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Every organisation of the platform, newest first. For the platform's operators only. */
export async function listAllOrganisations(
  { database }: UsersParts,
  { limit, after }: ListAllOrganisationsRequest,
  context: CallContext,
): Promise<MessageInit<ListAllOrganisationsResponse>> {
  if (!seesEveryOrganisation(context)) throw usersFaults.permission_missing();
  const size = pageSize(limit);
  let query = database
    .selectFrom("organisations")
    .selectAll()
    .orderBy("id", "desc")
    .limit(size + 1);
  if (after !== "") query = query.where("id", "<", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { organisations: rows.map(organisationMessage), hasMore };
}
