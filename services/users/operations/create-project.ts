import type { CreateProjectRequest, Project } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requireWriter } from "../authority.ts";
import { cleanName } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { projectMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/** Makes a project; the same one again for the same idempotency key. */
export async function createProject(
  parts: UsersParts,
  request: CreateProjectRequest,
  context: CallContext,
): Promise<MessageInit<Project>> {
  const { organisationId, idempotencyKey } = request;
  requireWriter(context, organisationId, usersFaults.organisation_not_found);
  const name = cleanName(request.name);
  if (name === undefined) throw usersFaults.malformed();
  return act(parts, context, async ({ tx, now, audit }) => {
    const organisation = await tx
      .selectFrom("organisations")
      .select("id")
      .where("id", "=", organisationId)
      .executeTakeFirst();
    if (organisation === undefined) throw usersFaults.organisation_not_found();
    const row = {
      id: newId(parts.database.world, "prj"),
      organisation_id: organisationId,
      name,
      created_at: now,
      archived_at: null,
      version: 1n,
      idempotency_key: idempotencyKey || null,
    };
    const inserted = await tx
      .insertInto("projects")
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(["organisation_id", "idempotency_key"]).doNothing(),
      )
      .returning("id")
      .executeTakeFirst();
    if (inserted !== undefined) {
      audit({ organisationId, action: "project.created", target: row.id, after: { name } });
      return projectMessage(row);
    }
    const existing = await tx
      .selectFrom("projects")
      .selectAll()
      .where("organisation_id", "=", organisationId)
      .where("idempotency_key", "=", idempotencyKey)
      .executeTakeFirstOrThrow();
    return projectMessage(existing);
  });
}
