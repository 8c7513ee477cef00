import type {
  ForgetPersonRequest,
  ForgetPersonResponse,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { pseudonymOf } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";

/**
 * Takes name, address and preferences off a person, ends its memberships, and takes its address out
 * of invitations. The id stays: the books and the audit log refer to it, and lead to nobody. Again
 * it changes nothing.
 */
export async function forgetPerson(
  parts: UsersParts,
  { userId }: ForgetPersonRequest,
  context: CallContext,
): Promise<MessageInit<ForgetPersonResponse>> {
  requirePlatform(context);
  const pseudonym = pseudonymOf(userId);
  return act(parts, context, async ({ tx, now, audit }) => {
    const found = await tx
      .selectFrom("users")
      .select(["email", "version"])
      .where("id", "=", userId)
      .forUpdate()
      .executeTakeFirst();
    if (found === undefined) throw usersFaults.user_not_found();
    if (found.email === pseudonym) return {};
    const nobody = {
      email: pseudonym,
      name: "",
      language: "en",
      theme: "system",
      time_zone: "UTC",
    };
    await tx
      .updateTable("users")
      .set({ ...nobody, version: found.version + 1n })
      .where("id", "=", userId)
      .execute();
    const left = await tx
      .updateTable("memberships")
      .set({ removed_at: now })
      .where("user_id", "=", userId)
      .where("removed_at", "is", null)
      .returning("organisation_id")
      .execute();
    await tx
      .updateTable("invitations")
      .set((set) => ({ email: pseudonym, revoked_at: set.fn.coalesce("revoked_at", set.val(now)) }))
      .where("email", "=", found.email)
      .execute();
    for (const { organisation_id: organisationId } of left) {
      audit({ organisationId, action: "member.erased", target: userId });
    }
    return {};
  });
}
