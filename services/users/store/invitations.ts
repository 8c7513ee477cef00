import type { Transaction } from "@tandem/libs/store";
import { type InvitationState, invitationState } from "../core/invitation-state.ts";
import type { InvitationRow } from "../messages.ts";
import type { Schema } from "./schema.ts";

export function lockInvitationByToken(
  tx: Transaction<Schema>,
  tokenHash: Buffer,
): Promise<InvitationRow | undefined> {
  return tx
    .selectFrom("invitations")
    .selectAll()
    .where("token_hash", "=", tokenHash)
    .forUpdate()
    .executeTakeFirst();
}

export function stateOf(row: InvitationRow, now: Date): InvitationState {
  const times = {
    expiresAtMs: row.expires_at.getTime(),
    acceptedAtMs: row.accepted_at?.getTime(),
    completedAtMs: row.completed_at?.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
  };
  return invitationState(times, now.getTime());
}

export async function updateInvitation(
  tx: Transaction<Schema>,
  row: InvitationRow,
  changes: Partial<
    Pick<InvitationRow, "accepted_at" | "completed_at" | "revoked_at" | "user_id" | "token_hash">
  >,
): Promise<InvitationRow> {
  await tx.updateTable("invitations").set(changes).where("id", "=", row.id).execute();
  return { ...row, ...changes };
}
