import type { AcceptInvitationRequest, Membership } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { cleanName } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { hashInvitationToken } from "../invitation-tokens.ts";
import { type InvitationRow, type MembershipRow, membershipMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { lockInvitationByToken, stateOf, updateInvitation } from "../store/invitations.ts";
import { findMembership, putMembership } from "../store/memberships.ts";
import { findOrCreatePerson } from "../store/people.ts";

/**
 * Makes who holds the token a member. Until `CompleteInvitation` the same token answers alike, for
 * password and role are set by another service, and that can break off.
 */
export async function acceptInvitation(
  parts: UsersParts,
  { token, name: given, userId }: AcceptInvitationRequest,
  context: CallContext,
): Promise<MessageInit<Membership>> {
  requirePlatform(context);
  const name = userId === "" ? cleanName(given) : "";
  if (name === undefined) throw usersFaults.malformed();
  return act(parts, context, async (action) => {
    const { tx, now } = action;
    const row = await lockInvitationByToken(tx, hashInvitationToken(parts.pepper, token));
    if (row === undefined) throw usersFaults.invitation_refused();
    if (userId !== "") await requireInvited(action, row, userId);
    const state = stateOf(row, now);
    if (state === "open") return membershipMessage(await join(parts, action, { row, name }));
    const member =
      state === "accepted" && row.user_id !== null
        ? await findMembership(tx, { organisationId: row.organisation_id, userId: row.user_id })
        : undefined;
    if (member === undefined) throw usersFaults.invitation_refused({ detail: state });
    return membershipMessage({ ...member, role: row.role });
  });
}

/** Somebody who is signed in accepts what was sent to their own address, and nothing else. */
async function requireInvited(
  { tx }: Action,
  { email }: InvitationRow,
  userId: string,
): Promise<void> {
  const person = await tx
    .selectFrom("users")
    .select("email")
    .where("id", "=", userId)
    .executeTakeFirst();
  if (person?.email !== email)
    throw usersFaults.invitation_refused({ detail: "of another address" });
}

async function join(
  { database }: UsersParts,
  { tx, now, audit }: Action,
  { row, name }: { readonly row: InvitationRow; readonly name: string },
): Promise<MembershipRow> {
  const { organisation_id: organisationId, email, role } = row;
  const person = await findOrCreatePerson(tx, database.world, { email, name, now });
  await putMembership(tx, { organisationId, userId: person.id, role, now });
  await updateInvitation(tx, row, { accepted_at: now, user_id: person.id });
  audit({ organisationId, action: "invitation.accepted", target: row.id, after: { role } });
  const member = await findMembership(tx, { organisationId, userId: person.id });
  if (member === undefined) throw usersFaults.invitation_refused();
  return { ...member, role };
}
