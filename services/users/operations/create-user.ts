import type { CreateUserRequest, User } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { cleanEmail } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { userMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { putMembership } from "../store/memberships.ts";
import { findOrCreatePerson } from "../store/people.ts";

const nameLengthMax = 100;

/** Makes a person a member of an organisation. The same again changes nothing. */
export async function createUser(
  parts: UsersParts,
  request: CreateUserRequest,
  context: CallContext,
): Promise<MessageInit<User>> {
  requirePlatform(context);
  const { organisationId, role } = request;
  const email = cleanEmail(request.email);
  const name = request.name.trim();
  if (email === undefined || name.length > nameLengthMax) throw usersFaults.malformed();
  return act(parts, context, async ({ tx, now, audit }) => {
    const organisation = await tx
      .selectFrom("organisations")
      .select("id")
      .where("id", "=", organisationId)
      .executeTakeFirst();
    if (organisation === undefined) throw usersFaults.organisation_not_found();
    const person = await findOrCreatePerson(tx, parts.database.world, { email, name, now });
    const isNews = await putMembership(tx, { organisationId, userId: person.id, role, now });
    if (isNews)
      audit({ organisationId, action: "member.added", target: person.id, after: { role } });
    return userMessage(person);
  });
}
