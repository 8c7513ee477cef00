import type {
  CreateInvitationRequest,
  CreateInvitationResponse,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isConflict } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { requireWriter } from "../authority.ts";
import { cleanEmail } from "../core/fields.ts";
import { usersFaults } from "../faults.ts";
import { hashInvitationToken, newInvitationToken } from "../invitation-tokens.ts";
import { type InvitationRow, invitationMessage } from "../messages.ts";
import type { UsersParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { stateOf, updateInvitation } from "../store/invitations.ts";
import { selectMemberships } from "../store/memberships.ts";

const rolePattern = /^[a-z]{1,32}$/;

interface Wanted {
  readonly organisationId: string;
  readonly email: string;
  readonly role: string;
  readonly idempotencyKey: string;
}

/**
 * Invites an address. The token is in the answer and nowhere else. An earlier open invitation of
 * the same address is taken back: one at a time.
 */
export async function createInvitation(
  parts: UsersParts,
  request: CreateInvitationRequest,
  context: CallContext,
): Promise<MessageInit<CreateInvitationResponse>> {
  const { organisationId, role, idempotencyKey } = request;
  requireWriter(context, organisationId, usersFaults.organisation_not_found);
  const email = cleanEmail(request.email);
  if (email === undefined || !rolePattern.test(role)) throw usersFaults.malformed();
  const wanted = { organisationId, email, role, idempotencyKey };
  const create = (): Promise<MessageInit<CreateInvitationResponse>> =>
    act(parts, context, (action) => inviteOnce(parts, action, wanted));
  try {
    return await create();
  } catch (error) {
    // The same request at the same moment was first: its invitation is there now.
    if (isConflict(error, "invitations_organisation_id_idempotency_key_key")) return create();
    throw error;
  }
}

async function inviteOnce(
  parts: UsersParts,
  action: Action,
  wanted: Wanted,
): Promise<MessageInit<CreateInvitationResponse>> {
  const { tx, now, audit } = action;
  const { organisationId, email, role } = wanted;
  const { world } = parts.database;
  const token = newInvitationToken(world);
  const tokenHash = hashInvitationToken(parts.pepper, token);
  const repeated = await findRepeated(action, wanted);
  if (repeated !== undefined) {
    if (stateOf(repeated, now) !== "open") return { invitation: invitationMessage(repeated) };
    const renewed = await updateInvitation(tx, repeated, { token_hash: tokenHash });
    return { invitation: invitationMessage(renewed), token };
  }
  await refuseMember(action, wanted);
  await tx
    .updateTable("invitations")
    .set({ revoked_at: now })
    .where("organisation_id", "=", organisationId)
    .where("email", "=", email)
    .where("accepted_at", "is", null)
    .where("revoked_at", "is", null)
    .execute();
  const row: InvitationRow = {
    id: newId(world, "inv"),
    organisation_id: organisationId,
    email,
    role,
    token_hash: tokenHash,
    created_at: now,
    expires_at: new Date(now.getTime() + parts.config.invitationMs),
    accepted_at: null,
    completed_at: null,
    revoked_at: null,
    user_id: null,
    idempotency_key: wanted.idempotencyKey || null,
  };
  await tx.insertInto("invitations").values(row).execute();
  // Without the address: the log is for ever, and who is invited may want to be forgotten.
  audit({ organisationId, action: "invitation.created", target: row.id, after: { role } });
  return { invitation: invitationMessage(row), token };
}

async function findRepeated(
  { tx }: Action,
  { organisationId, idempotencyKey }: Wanted,
): Promise<InvitationRow | undefined> {
  if (idempotencyKey === "") return undefined;
  return tx
    .selectFrom("invitations")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .where("idempotency_key", "=", idempotencyKey)
    .forUpdate()
    .executeTakeFirst();
}

async function refuseMember({ tx }: Action, { organisationId, email }: Wanted): Promise<void> {
  const member = await selectMemberships(tx)
    .where("memberships.organisation_id", "=", organisationId)
    .where("users.email", "=", email)
    .where("memberships.removed_at", "is", null)
    .executeTakeFirst();
  if (member !== undefined) throw usersFaults.already_member();
}
