import type { CallContext } from "@tandem/libs/rpc";
import { type Database, notify, sql, type Transaction, transaction } from "@tandem/libs/store";
import { type AuditNote, appendAudit } from "./audit-log.ts";
import type { Schema } from "./schema.ts";

/** The channel on which replicas tell one another that there are new revocations. */
export const revocationChannel = "auth_revocations";

export interface Revocation {
  readonly keyId?: string;
  readonly sessionId?: string;
}

/** A change under way: its transaction, and what is to be written with it. */
export interface Action {
  readonly tx: Transaction<Schema>;
  readonly now: Date;
  /** What was done. No change of rights without one: both are committed, or neither. */
  audit(note: AuditNote): void;
  /** Whom gateways must forget; they hear of it within 100 ms of the commit. */
  revoke(revocation: Revocation): void;
}

/** Who acts: the person, the credential it used, or the deployable that acts by itself. */
export function actorOf({ passport }: Pick<CallContext, "passport">): string {
  const { userId, keyId, sessionId, issuer } = passport;
  const credential = keyId || sessionId;
  if (userId === "") return credential || issuer;
  return credential === "" ? userId : `${userId}/${credential}`;
}

/**
 * Runs a change, its audit entries and its revocations in one transaction. The heads of the log
 * and of the feed are locked last and always in this order, so that changes meet there briefly and
 * never lock one another out. `run` may be run again as a whole.
 */
export function act<Result>(
  database: Database<Schema>,
  context: Pick<CallContext, "passport" | "requestId">,
  run: (action: Action) => Promise<Result>,
): Promise<Result> {
  return transaction(database, async (tx) => {
    const now = new Date(database.world.clock.nowMs());
    const notes: AuditNote[] = [];
    const revocations: Revocation[] = [];
    const result = await run({
      tx,
      now,
      audit: (note) => notes.push(note),
      revoke: (revocation) => revocations.push(revocation),
    });
    const by = { actor: actorOf(context), requestId: context.requestId, at: now };
    await appendAudit(tx, notes, by);
    await appendRevocations(tx, revocations);
    return result;
  });
}

async function appendRevocations(
  tx: Transaction<Schema>,
  revocations: readonly Revocation[],
): Promise<void> {
  if (revocations.length === 0) return;
  const { rows } = await sql<{ sequence: bigint }>`
    update revocation_head set sequence = sequence + ${revocations.length}
    returning sequence`.execute(tx);
  const last = rows[0]?.sequence ?? 0n;
  const first = last - BigInt(revocations.length) + 1n;
  await tx
    .insertInto("revocations")
    .values(
      revocations.map(({ keyId = "", sessionId = "" }, index) => ({
        sequence: first + BigInt(index),
        key_id: keyId,
        session_id: sessionId,
      })),
    )
    .execute();
  await notify(tx, revocationChannel, String(last));
}
