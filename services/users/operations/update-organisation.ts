import type {
  Organisation,
  UpdateOrganisationRequest,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireWriter } from "../authority.ts";
import { cleanName } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { organisationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/** Renames. Throws `users.version_mismatch` when it is not of the version it was read in. */
export async function updateOrganisation(
  parts: UsersParts,
  { organisation: wanted, expectedVersion }: UpdateOrganisationRequest,
  context: CallContext,
): Promise<MessageInit<Organisation>> {
  if (wanted === undefined) throw usersFaults.malformed();
  requireWriter(context, wanted.id, usersFaults.organisation_not_found);
  const name = cleanName(wanted.name);
  if (name === undefined) throw usersFaults.malformed();
  return act(parts, context, async ({ tx, audit }) => {
    const found = await tx
      .selectFrom("organisations")
      .selectAll()
      .where("id", "=", wanted.id)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw usersFaults.organisation_not_found();
    if (expectedVersion !== 0n && expectedVersion !== found.version) {
      throw usersFaults.version_mismatch();
    }
    const changes = { name, version: found.version + 1n };
    await tx.updateTable("organisations").set(changes).where("id", "=", found.id).execute();
    audit({
      organisationId: found.id,
      action: "organisation.updated",
      target: found.id,
      before: { name: found.name },
      after: { name },
    });
    return organisationMessage({ ...found, ...changes });
  });
}
