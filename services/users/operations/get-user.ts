import type { GetUserRequest, User } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isPlatform } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { userMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { findMembership } from "../store/memberships.ts";

/** Oneself, or a member of one's organisation. Anybody else does not exist. */
export async function getUser(
  { database }: UsersParts,
  { id }: GetUserRequest,
  context: CallContext,
): Promise<MessageInit<User>> {
  const { organisationId, userId } = context.passport;
  if (!isPlatform(context) && userId !== id) {
    const membership = await findMembership(database, { organisationId, userId: id });
    if (membership === undefined) throw usersFaults.user_not_found();
  }
  const row = await database
    .selectFrom("users")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw usersFaults.user_not_found();
  return userMessage(row);
}
