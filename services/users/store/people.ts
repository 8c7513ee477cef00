import type { Transaction } from "@tandem/libs/store";
import { newId, type World } from "@tandem/libs/world";
import type { UserRow } from "../messages.ts";
import type { Schema } from "./schema.ts";

/** The person behind an address; made when there is none. `email` is clean. */
export async function findOrCreatePerson(
  tx: Transaction<Schema>,
  world: World,
  given: { readonly email: string; readonly name: string; readonly now: Date },
): Promise<UserRow> {
  const { email, name, now } = given;
  await tx
    .insertInto("users")
    .values({
      id: newId(world, "usr"),
      email,
      name,
      language: "en",
      theme: "system",
      time_zone: "UTC",
      created_at: now,
      version: 1n,
    })
    .onConflict((conflict) => conflict.column("email").doNothing())
    .execute();
  return tx.selectFrom("users").selectAll().where("email", "=", email).executeTakeFirstOrThrow();
}
