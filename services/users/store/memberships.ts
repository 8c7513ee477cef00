import type { Database, Transaction } from "@tandem/libs/store";
import type { MembershipRow } from "../messages.ts";
import type { Schema } from "./schema.ts";

type Reader = Database<Schema> | Transaction<Schema>;

export interface Member {
  readonly organisationId: string;
  readonly userId: string;
}

export function selectMemberships(reader: Reader) {
  return reader
    .selectFrom("memberships")
    .innerJoin("users", "users.id", "memberships.user_id")
    .select([
      "memberships.organisation_id",
      "memberships.user_id",
      "memberships.role",
      "memberships.joined_at",
      "memberships.removed_at",
      "users.email",
      "users.name",
    ]);
}

/** A membership that stands. */
export function findMembership(
  reader: Reader,
  { organisationId, userId }: Member,
): Promise<MembershipRow | undefined> {
  return selectMemberships(reader)
    .where("memberships.organisation_id", "=", organisationId)
    .where("memberships.user_id", "=", userId)
    .where("memberships.removed_at", "is", null)
    .executeTakeFirst();
}

/** Makes somebody a member, or a member again; true when that is news. */
export async function putMembership(
  tx: Transaction<Schema>,
  given: Member & { readonly role: string; readonly now: Date },
): Promise<boolean> {
  const { organisationId, userId, role, now } = given;
  const rejoin = { role, joined_at: now, removed_at: null };
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("memberships")
    .values({ organisation_id: organisationId, user_id: userId, ...rejoin })
    .onConflict((conflict) =>
      conflict
        .columns(["organisation_id", "user_id"])
        .doUpdateSet(rejoin)
        .where("memberships.removed_at", "is not", null),
    )
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}
