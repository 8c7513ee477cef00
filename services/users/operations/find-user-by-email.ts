import type { FindUserByEmailRequest, User } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { cleanEmail } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { userMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";

/** For signing in; no caller may ask who exists. */
export async function findUserByEmail(
  { database }: UsersParts,
  request: FindUserByEmailRequest,
  context: CallContext,
): Promise<MessageInit<User>> {
  requirePlatform(context);
  const email = cleanEmail(request.email);
  if (email === undefined) throw usersFaults.user_not_found();
  const row = await database
    .selectFrom("users")
    .selectAll()
    .where("email", "=", email)
    .executeTakeFirst();
  if (row === undefined) throw usersFaults.user_not_found();
  return userMessage(row);
}
