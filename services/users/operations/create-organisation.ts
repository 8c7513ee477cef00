import type {
  CreateOrganisationRequest,
  Organisation,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requirePlatform } from "../authority.ts";
import { cleanName } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { organisationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/** Makes an organisation; the same one again for the same idempotency key. */
export async function createOrganisation(
  parts: UsersParts,
  { name: given, idempotencyKey }: CreateOrganisationRequest,
  context: CallContext,
): Promise<MessageInit<Organisation>> {
  requirePlatform(context);
  const name = cleanName(given);
  if (name === undefined) throw usersFaults.malformed();
  return act(parts, context, async ({ tx, now, audit }) => {
    const row = {
      id: newId(parts.database.world, "org"),
      name,
      created_at: now,
      version: 1n,
      idempotency_key: idempotencyKey || null,
    };
    const inserted = await tx
      .insertInto("organisations")
      .values(row)
      .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (inserted !== undefined) {
      const after = { name };
      audit({ organisationId: row.id, action: "organisation.created", target: row.id, after });
      return organisationMessage(row);
    }
    const existing = await tx
      .selectFrom("organisations")
      .selectAll()
      .where("idempotency_key", "=", idempotencyKey)
      .executeTakeFirstOrThrow();
    return organisationMessage(existing);
  });
}
