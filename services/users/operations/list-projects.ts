import type { ListProjectsResponse, ListRequest } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { projectMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Newest first. */
export async function listProjects(
  { database }: UsersParts,
  { organisationId, limit, after }: ListRequest,
  context: CallContext,
): Promise<MessageInit<ListProjectsResponse>> {
  requireMember(context, organisationId, usersFaults.organisation_not_found);
  const size = pageSize(limit);
  let query = database
    .selectFrom("projects")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("id", "desc")
    .limit(size + 1);
  if (after !== "") query = query.where("id", "<", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { projects: rows.map(projectMessage), hasMore };
}
