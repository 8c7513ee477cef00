import type {
  ExportPersonRequest,
  ExportPersonResponse,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSelf } from "../authority.ts";
import { usersFaults } from "../faults.ts";
import { invitationMessage, organisationMessage, stamp, userMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";

/** All that is kept about a person, for that person. */
export async function exportPerson(
  { database }: UsersParts,
  { userId }: ExportPersonRequest,
  context: CallContext,
): Promise<MessageInit<ExportPersonResponse>> {
  requireSelf(context, userId, usersFaults.user_not_found);
  const user = await database
    .selectFrom("users")
    .selectAll()
    .where("id", "=", userId)
    .executeTakeFirst();
  if (user === undefined) throw usersFaults.user_not_found();
  const memberships = await database
    .selectFrom("memberships")
    .innerJoin("organisations", "organisations.id", "memberships.organisation_id")
    .selectAll("organisations")
    .select(["memberships.role", "memberships.joined_at", "memberships.removed_at"])
    .where("memberships.user_id", "=", userId)
    .orderBy("memberships.joined_at")
    .execute();
  const invitations = await database
    .selectFrom("invitations")
    .selectAll()
    .where("email", "=", user.email)
    .orderBy("id")
    .execute();
  return {
    user: userMessage(user),
    memberships: memberships.map(({ role, joined_at, removed_at, ...organisation }) => ({
      organisation: organisationMessage(organisation),
      role,
      joinedAtMs: stamp(joined_at),
      leftAtMs: stamp(removed_at),
    })),
    invitations: invitations.map(invitationMessage),
  };
}
