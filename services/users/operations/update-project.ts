import type { Project, UpdateProjectRequest } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireWriter } from "../authority.ts";
import { cleanName } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { projectMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/** Renames, archives (`archived_at_ms` other than 0) or brings back. */
export async function updateProject(
  parts: UsersParts,
  { project: wanted, expectedVersion }: UpdateProjectRequest,
  context: CallContext,
): Promise<MessageInit<Project>> {
  if (wanted === undefined) throw usersFaults.malformed();
  requireWriter(context, wanted.organisationId, usersFaults.project_not_found);
  const name = cleanName(wanted.name);
  if (name === undefined) throw usersFaults.malformed();
  return act(parts, context, async ({ tx, now, audit }) => {
    const found = await tx
      .selectFrom("projects")
      .selectAll()
      .where("id", "=", wanted.id)
      .where("organisation_id", "=", wanted.organisationId)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw usersFaults.project_not_found();
    if (expectedVersion !== 0n && expectedVersion !== found.version) {
      throw usersFaults.version_mismatch();
    }
    const archivedAt = wanted.archivedAtMs === 0n ? null : (found.archived_at ?? now);
    const changes = { name, archived_at: archivedAt, version: found.version + 1n };
    await tx.updateTable("projects").set(changes).where("id", "=", found.id).execute();
    audit({
      organisationId: found.organisation_id,
      action: "project.updated",
      target: found.id,
      before: { name: found.name, archived: found.archived_at !== null },
      after: { name, archived: archivedAt !== null },
    });
    return projectMessage({ ...found, ...changes });
  });
}
