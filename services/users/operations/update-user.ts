import type { UpdateUserRequest, User } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isPlatform } from "../authority.ts";
import { cleanName, isLanguage, isTheme, isTimeZone } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { userMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/** One's own name and preferences. The e-mail address stays: it is how one signs in. */
export async function updateUser(
  parts: UsersParts,
  { user: wanted, expectedVersion }: UpdateUserRequest,
  context: CallContext,
): Promise<MessageInit<User>> {
  if (wanted === undefined) throw usersFaults.malformed();
  const { passport } = context;
  if (!isPlatform(context) && passport.userId !== wanted.id) throw usersFaults.user_not_found();
  const name = wanted.name.trim() === "" ? "" : cleanName(wanted.name);
  const { language, theme, timeZone } = wanted;
  if (name === undefined || !isLanguage(language) || !isTheme(theme) || !isTimeZone(timeZone)) {
    throw usersFaults.malformed();
  }
  return act(parts, context, async ({ tx, audit }) => {
    const found = await tx
      .selectFrom("users")
      .selectAll()
      .where("id", "=", wanted.id)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw usersFaults.user_not_found();
    if (expectedVersion !== 0n && expectedVersion !== found.version) {
      throw usersFaults.version_mismatch();
    }
    const changes = { name, language, theme, time_zone: timeZone, version: found.version + 1n };
    await tx.updateTable("users").set(changes).where("id", "=", found.id).execute();
    const { organisationId } = passport;
    audit({ organisationId, action: "profile.updated", target: found.id });
    return userMessage({ ...found, ...changes });
  });
}
