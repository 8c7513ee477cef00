import { createHash } from "node:crypto";
import {
  type Database,
  isConflict,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import { type AuditContent, auditText } from "../core/audit-chain.ts";
import type { Schema } from "./schema.ts";

export interface AuditNote {
  readonly organisationId: string;
  /** Verb and object: `key.created`. */
  readonly action: string;
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** Of another service's event: told twice it is one entry. */
  readonly eventId?: string;
  /** When it is not of now and by the caller: what another service did. */
  readonly by?: AuditAuthor;
}

export interface AuditAuthor {
  readonly actor: string;
  readonly requestId: string;
  readonly at: Date;
}

export type AuditRow = Selectable<Schema["audit_entries"]>;

const verifyBatch = 1000;

/** Appends to the chain. Locks its head until the end of the transaction. */
export async function appendAudit(
  tx: Transaction<Schema>,
  notes: readonly AuditNote[],
  author: AuditAuthor,
): Promise<void> {
  if (notes.length === 0) return;
  const head = await sql<{ sequence: bigint; hash: Buffer }>`
    select sequence, hash from audit_head for update`.execute(tx);
  let { sequence, hash } = head.rows[0] ?? { sequence: 0n, hash: Buffer.alloc(0) };
  const rows: AuditRow[] = [];
  for (const note of notes) {
    sequence += 1n;
    const row = rowOf(note, { sequence, author: note.by ?? author, before: hash });
    hash = row.hash;
    rows.push(row);
  }
  await tx.insertInto("audit_entries").values(rows).execute();
  await sql`update audit_head set sequence = ${sequence}, hash = ${hash}`.execute(tx);
}

function rowOf(
  note: AuditNote,
  given: { readonly sequence: bigint; readonly author: AuditAuthor; readonly before: Buffer },
): AuditRow {
  const { sequence, author } = given;
  const row = {
    sequence,
    at: author.at,
    organisation_id: note.organisationId,
    actor: author.actor,
    action: note.action,
    target: note.target,
    before_json: note.before === undefined ? "" : JSON.stringify(note.before),
    after_json: note.after === undefined ? "" : JSON.stringify(note.after),
    request_id: author.requestId,
  };
  return { ...row, event_id: note.eventId ?? null, hash: chainHash(given.before, row) };
}

function chainHash(before: Buffer, row: Omit<AuditRow, "hash" | "event_id">): Buffer {
  const content: AuditContent = {
    sequence: row.sequence,
    atMs: BigInt(row.at.getTime()),
    organisationId: row.organisation_id,
    actor: row.actor,
    action: row.action,
    target: row.target,
    beforeJson: row.before_json,
    afterJson: row.after_json,
    requestId: row.request_id,
  };
  return createHash("sha256").update(before).update(auditText(content)).digest();
}

/** Newest first; before `beforeSequence` unless that is 0. One more than `limit` where there is. */
export function listAudit(
  database: Database<Schema>,
  query: { organisationId: string; beforeSequence: bigint; limit: number },
): Promise<readonly AuditRow[]> {
  let rows = database
    .selectFrom("audit_entries")
    .selectAll()
    .where("organisation_id", "=", query.organisationId)
    .orderBy("sequence", "desc")
    .limit(query.limit + 1);
  if (query.beforeSequence > 0n) rows = rows.where("sequence", "<", query.beforeSequence);
  return rows.execute();
}

const entriesOfPersonMax = 10_000;

/** What a person did, and what was done to it; newest first. */
export function listAuditOfPerson(
  database: Database<Schema>,
  userId: string,
): Promise<readonly AuditRow[]> {
  return database
    .selectFrom("audit_entries")
    .selectAll()
    .where((where) =>
      where.or([
        where(sql<string>`split_part(actor, '/', 1)`, "=", userId),
        where("target", "=", userId),
      ]),
    )
    .orderBy("sequence", "desc")
    .limit(entriesOfPersonMax)
    .execute();
}

export function findAuditEvent(
  database: Database<Schema>,
  eventId: string,
): Promise<AuditRow | undefined> {
  return database
    .selectFrom("audit_entries")
    .selectAll()
    .where("event_id", "=", eventId)
    .executeTakeFirst();
}

export function isKnownEvent(error: unknown): boolean {
  return isConflict(error, "audit_entries_event_id_key");
}

/** Walks the whole chain in batches; the sequence of the first entry that does not fit, or 0. */
export async function verifyAudit(
  database: Database<Schema>,
): Promise<{ readonly entries: bigint; readonly brokenAt: bigint }> {
  const head = await sql<{ sequence: bigint; hash: Buffer }>`
    select sequence, hash from audit_head`.execute(database);
  const end = head.rows[0] ?? { sequence: 0n, hash: Buffer.alloc(0) };
  let hash: Buffer = Buffer.alloc(0);
  let sequence = 0n;
  while (sequence < end.sequence) {
    const rows = await database
      .selectFrom("audit_entries")
      .selectAll()
      .where("sequence", ">", sequence)
      .where("sequence", "<=", end.sequence)
      .orderBy("sequence")
      .limit(verifyBatch)
      .execute();
    if (rows.length === 0) break;
    for (const row of rows) {
      sequence += 1n;
      hash = chainHash(hash, row);
      if (row.sequence !== sequence || !hash.equals(row.hash)) {
        return { entries: end.sequence, brokenAt: sequence };
      }
    }
  }
  const isWhole = sequence === end.sequence && hash.equals(end.hash);
  return { entries: end.sequence, brokenAt: isWhole ? 0n : sequence + 1n };
}
