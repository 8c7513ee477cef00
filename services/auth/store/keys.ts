import { timingSafeEqual } from "node:crypto";
import {
  type Database,
  type Executor,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import type { Schema } from "./schema.ts";

export type KeyRow = Selectable<Schema["keys"]>;
type SecretRow = Selectable<Schema["key_secrets"]>;

/** A key with the display of its newest secret. */
export interface ShownKey extends KeyRow {
  readonly display: string;
}

/** What a secret's hash leads to, and the state of the revocation feed at that very moment. */
export interface KeyLookUp {
  readonly sequence: bigint;
  readonly found:
    | {
        readonly key: KeyRow;
        readonly roles: readonly string[];
        readonly secretExpiresAt: Date | null;
        readonly secretFirstUsedAt: Date | null;
      }
    | undefined;
}

type LookUpRow = KeyRow & {
  readonly head: bigint;
  readonly hash: Buffer | null;
  readonly roles: readonly string[];
  readonly secret_expires_at: Date | null;
  readonly secret_first_used_at: Date | null;
};

/** One statement, hence one snapshot: no revocation can fall between the key and the sequence. */
export async function lookUpSecret(
  database: Database<Schema>,
  hash: Uint8Array,
): Promise<KeyLookUp> {
  const given = Buffer.from(hash);
  const { rows } = await sql<LookUpRow>`
    select head.sequence as head, secret.hash,
      secret.expires_at as secret_expires_at, secret.first_used_at as secret_first_used_at,
      keys.*,
      array(
        select role from role_grants
        where role_grants.organisation_id = keys.organisation_id
          and role_grants.user_id = keys.user_id order by role
      ) as roles
    from revocation_head head
    left join key_secrets secret on secret.hash = ${given}
    left join keys on keys.id = secret.key_id`.execute(database);
  const [row] = rows;
  if (row === undefined) return { sequence: 0n, found: undefined };
  // The index has compared already, in a time that depends on the bytes; this one does not.
  const isSame = row.hash?.length === given.length && timingSafeEqual(row.hash, given);
  if (!isSame) return { sequence: row.head, found: undefined };
  return {
    sequence: row.head,
    found: {
      key: row,
      roles: row.roles,
      secretExpiresAt: row.secret_expires_at,
      secretFirstUsedAt: row.secret_first_used_at,
    },
  };
}

function shownKeys(executor: Database<Schema> | Transaction<Schema>) {
  return executor
    .selectFrom("keys")
    .selectAll("keys")
    .select(
      sql<string>`coalesce((
      select display from key_secrets where key_secrets.key_id = keys.id
      order by key_secrets.created_at desc limit 1), '')`.as("display"),
    );
}

export function findKey(
  executor: Database<Schema> | Transaction<Schema>,
  organisationId: string,
  id: string,
): Promise<ShownKey | undefined> {
  return shownKeys(executor)
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .executeTakeFirst();
}

/** Locks the key until the end of the transaction, so that its secrets hold still. */
export async function lockKey(
  tx: Transaction<Schema>,
  organisationId: string,
  id: string,
): Promise<ShownKey | undefined> {
  const locked = await tx
    .selectFrom("keys")
    .select("id")
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .forUpdate()
    .executeTakeFirst();
  return locked === undefined ? undefined : findKey(tx, organisationId, id);
}

export async function lockKeyByIdempotencyKey(
  tx: Transaction<Schema>,
  organisationId: string,
  idempotencyKey: string,
): Promise<ShownKey | undefined> {
  const locked = await tx
    .selectFrom("keys")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("idempotency_key", "=", idempotencyKey)
    .forUpdate()
    .executeTakeFirst();
  return locked === undefined ? undefined : findKey(tx, organisationId, locked.id);
}

export function listKeys(
  database: Database<Schema>,
  query: {
    readonly organisationId: string;
    /** Empty for all. */
    readonly projectId: string;
    /** Empty for everybody's. */
    readonly userId: string;
    readonly after: string;
    readonly limit: number;
  },
): Promise<readonly ShownKey[]> {
  let rows = shownKeys(database)
    .where("organisation_id", "=", query.organisationId)
    .orderBy("id", "desc")
    .limit(query.limit + 1);
  if (query.projectId !== "") rows = rows.where("project_id", "=", query.projectId);
  if (query.userId !== "") rows = rows.where("user_id", "=", query.userId);
  if (query.after !== "") rows = rows.where("id", "<", query.after);
  return rows.execute();
}

/** In every organisation, newest first. */
export function listKeysOfPerson(
  database: Database<Schema>,
  userId: string,
): Promise<readonly ShownKey[]> {
  return shownKeys(database).where("user_id", "=", userId).orderBy("id", "desc").execute();
}

export async function keyIdsOfOrganisation(
  tx: Transaction<Schema>,
  organisationId: string,
): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("keys")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("revoked_at", "is", null)
    .execute();
  return rows.map(({ id }) => id);
}

export async function insertKey(tx: Transaction<Schema>, key: KeyRow): Promise<void> {
  await tx.insertInto("keys").values(key).execute();
}

export async function insertSecret(tx: Transaction<Schema>, secret: SecretRow): Promise<void> {
  await tx.insertInto("key_secrets").values(secret).execute();
}

/** The secrets of a key that have not ended, the newest first. */
export function liveSecrets(
  tx: Transaction<Schema>,
  keyId: string,
  now: Date,
): Promise<readonly SecretRow[]> {
  return tx
    .selectFrom("key_secrets")
    .selectAll()
    .where("key_id", "=", keyId)
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", now)]))
    .orderBy("created_at", "desc")
    .execute();
}

export async function deleteSecret(tx: Transaction<Schema>, hash: Buffer): Promise<void> {
  await tx.deleteFrom("key_secrets").where("hash", "=", hash).execute();
}

export async function endSecret(
  tx: Transaction<Schema>,
  hash: Buffer,
  expiresAt: Date,
): Promise<void> {
  await tx
    .updateTable("key_secrets")
    .set({ expires_at: expiresAt })
    .where("hash", "=", hash)
    .execute();
}

/** True when this was the first use; false when it had one, or the secret has just gone. */
export async function markFirstUse(
  executor: Executor,
  hash: Uint8Array,
  now: Date,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update key_secrets set first_used_at = ${now}
    where hash = ${Buffer.from(hash)} and first_used_at is null`.execute(executor);
  return numAffectedRows === 1n;
}

/** Revokes; ids of those that were not revoked before. Secrets stay, to be told as revoked. */
export async function revokeKeys(
  tx: Transaction<Schema>,
  keyIds: readonly string[],
  now: Date,
): Promise<readonly string[]> {
  if (keyIds.length === 0) return [];
  const rows = await tx
    .updateTable("keys")
    .set((set) => ({ revoked_at: now, version: set("version", "+", 1n) }))
    .where("id", "in", keyIds)
    .where("revoked_at", "is", null)
    .returning("id")
    .execute();
  return rows.map(({ id }) => id);
}

/** Later times win, so that batches may come in any order. */
export async function recordUses(
  executor: Executor,
  uses: ReadonlyMap<string, number>,
): Promise<void> {
  const ids = [...uses.keys()];
  const times = [...uses.values()].map((ms) => new Date(ms));
  await sql`
    update keys set last_used_at = greatest(keys.last_used_at, use.at)
    from unnest(${ids}::text[], ${times}::timestamptz[]) as use (id, at)
    where keys.id = use.id`.execute(executor);
}
