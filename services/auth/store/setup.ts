import {
  type Database,
  type Executor,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import type { Schema } from "./schema.ts";

export type SetupRow = Selectable<Schema["setup"]>;

/** Makes a token good for setup; an earlier, longer life of the same token stays. */
export async function putSetupToken(
  executor: Executor,
  token: { readonly hash: Uint8Array; readonly expiresAt: Date | null },
): Promise<void> {
  await sql`
    insert into setup_tokens (hash, expires_at)
    values (${Buffer.from(token.hash)}, ${token.expiresAt})
    on conflict do nothing`.execute(executor);
}

export async function isSetupToken(
  database: Database<Schema>,
  hash: Uint8Array,
  now: Date,
): Promise<boolean> {
  const row = await database
    .selectFrom("setup_tokens")
    .select("hash")
    .where("hash", "=", Buffer.from(hash))
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", now)]))
    .executeTakeFirst();
  return row !== undefined;
}

/** Takes the lock that lets one replica at a time think of printing a link. */
export async function lockSetupTokens(tx: Transaction<Schema>): Promise<void> {
  await sql`lock table setup_tokens in share row exclusive mode`.execute(tx);
}

export async function hasLiveSetupToken(tx: Transaction<Schema>, now: Date): Promise<boolean> {
  const row = await tx
    .selectFrom("setup_tokens")
    .select("hash")
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", now)]))
    .executeTakeFirst();
  return row !== undefined;
}

/** The setup as it stands; begun with these details when there was none. */
export async function beginSetup(
  database: Database<Schema>,
  begin: { readonly email: string; readonly organisationName: string; readonly now: Date },
): Promise<SetupRow> {
  await sql`
    insert into setup (id, email, organisation_name, started_at)
    values (1, ${begin.email}, ${begin.organisationName}, ${begin.now})
    on conflict do nothing`.execute(database);
  return database.selectFrom("setup").selectAll().executeTakeFirstOrThrow();
}

export function findSetup(
  reader: Database<Schema> | Transaction<Schema>,
): Promise<SetupRow | undefined> {
  return reader.selectFrom("setup").selectAll().executeTakeFirst();
}

export function lockSetup(tx: Transaction<Schema>): Promise<SetupRow> {
  return tx.selectFrom("setup").selectAll().forUpdate().executeTakeFirstOrThrow();
}

export async function recordSetup(
  tx: Transaction<Schema>,
  made: Pick<
    SetupRow,
    "organisation_id" | "project_id" | "user_id" | "admin_key_id" | "inference_key_id"
  >,
): Promise<void> {
  await tx.updateTable("setup").set(made).execute();
}

/**
 * Setup is complete once the admin key was used or the owner has signed in: only then is its answer
 * known to have arrived. The tokens go. Nothing happens for other keys and people, or again.
 */
export async function completeSetup(
  executor: Executor,
  by: { readonly keyId?: string; readonly userId?: string; readonly now: Date },
): Promise<void> {
  const { numAffectedRows } = await sql`
    update setup set completed_at = ${by.now}
    where completed_at is null and (
      admin_key_id = ${by.keyId ?? null} or user_id = ${by.userId ?? null}
    )`.execute(executor);
  if (numAffectedRows === 1n) await sql`delete from setup_tokens`.execute(executor);
}
