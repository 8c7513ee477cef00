import type { GetProjectRequest, Project } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { projectMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";

export async function getProject(
  { database }: UsersParts,
  { organisationId, id }: GetProjectRequest,
  context: CallContext,
): Promise<MessageInit<Project>> {
  requireMember(context, organisationId, usersFaults.project_not_found);
  const row = await database
    .selectFrom("projects")
    .selectAll()
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .executeTakeFirst();
  if (row === undefined) throw usersFaults.project_not_found();
  return projectMessage(row);
}
