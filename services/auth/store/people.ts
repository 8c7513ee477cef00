import {
  type Database,
  type Executor,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import type { AttemptCount } from "../core/lock-out.ts";
import type { Schema } from "./schema.ts";

export type GrantRow = Selectable<Schema["role_grants"]>;
export type SessionRow = Selectable<Schema["sessions"]>;

type Reader = Database<Schema> | Transaction<Schema>;

/** In the order in which they were granted; an empty `userId` for everybody's. */
export function listGrants(
  reader: Reader,
  { organisationId, userId }: { readonly organisationId: string; readonly userId: string },
): Promise<readonly GrantRow[]> {
  let rows = reader.selectFrom("role_grants").selectAll().orderBy("granted_at").orderBy("role");
  if (organisationId !== "") rows = rows.where("organisation_id", "=", organisationId);
  if (userId !== "") rows = rows.where("user_id", "=", userId);
  return rows.execute();
}

/** True when it was not granted before. */
export async function insertGrant(tx: Transaction<Schema>, grant: GrantRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("role_grants")
    .values(grant)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Locks who holds a role, so that two owners cannot dismiss each other at once. */
export async function lockHolders(
  tx: Transaction<Schema>,
  organisationId: string,
  role: string,
): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("role_grants")
    .select("user_id")
    .where("organisation_id", "=", organisationId)
    .where("role", "=", role)
    .orderBy("user_id")
    .forUpdate()
    .execute();
  return rows.map(({ user_id }) => user_id);
}

/** Deletes one role, or all of them for an empty one; the roles that went. */
export async function deleteGrants(
  tx: Transaction<Schema>,
  grant: { readonly organisationId: string; readonly userId: string; readonly role: string },
): Promise<readonly GrantRow[]> {
  let deletion = tx
    .deleteFrom("role_grants")
    .where("organisation_id", "=", grant.organisationId)
    .where("user_id", "=", grant.userId);
  if (grant.role !== "") deletion = deletion.where("role", "=", grant.role);
  return deletion.returningAll().execute();
}

export async function keyIdsOfUser(
  tx: Transaction<Schema>,
  { organisationId, userId }: { readonly organisationId: string; readonly userId: string },
): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("keys")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("user_id", "=", userId)
    .where("revoked_at", "is", null)
    .execute();
  return rows.map(({ id }) => id);
}

/** The open sessions of a person, in one organisation or in all. */
export async function sessionIdsOfUser(
  tx: Transaction<Schema>,
  { userId, organisationId = "" }: { readonly userId: string; readonly organisationId?: string },
): Promise<readonly string[]> {
  let rows = tx
    .selectFrom("sessions")
    .select("id")
    .where("user_id", "=", userId)
    .where("ended_at", "is", null);
  if (organisationId !== "") rows = rows.where("organisation_id", "=", organisationId);
  return (await rows.execute()).map(({ id }) => id);
}

export async function endSessions(
  tx: Transaction<Schema>,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  if (ids.length === 0) return;
  await tx.updateTable("sessions").set({ ended_at: now }).where("id", "in", ids).execute();
}

export async function insertSession(tx: Transaction<Schema>, session: SessionRow): Promise<void> {
  await tx.insertInto("sessions").values(session).execute();
}

/** The sessions of a person that were not ended, the one used last at the top. */
export function listSessions(reader: Reader, userId: string): Promise<readonly SessionRow[]> {
  return reader
    .selectFrom("sessions")
    .selectAll()
    .where("user_id", "=", userId)
    .where("ended_at", "is", null)
    .orderBy("seen_at", "desc")
    .limit(100)
    .execute();
}

export function lockSession(
  tx: Transaction<Schema>,
  { userId, sessionId }: { readonly userId: string; readonly sessionId: string },
): Promise<SessionRow | undefined> {
  return tx
    .selectFrom("sessions")
    .selectAll()
    .where("id", "=", sessionId)
    .where("user_id", "=", userId)
    .forUpdate()
    .executeTakeFirst();
}

/** The session of a token, with its roles and the feed's state at the same moment. */
export async function lookUpSession(
  database: Database<Schema>,
  tokenHash: Uint8Array,
): Promise<(SessionRow & { roles: readonly string[]; head: bigint }) | undefined> {
  const { rows } = await sql<SessionRow & { roles: readonly string[]; head: bigint }>`
    select sessions.*, (select sequence from revocation_head) as head,
      array(
        select role from role_grants
        where role_grants.organisation_id = sessions.organisation_id
          and role_grants.user_id = sessions.user_id order by role
      ) as roles
    from sessions where token_hash = ${Buffer.from(tokenHash)}`.execute(database);
  return rows[0];
}

export async function touchSession(executor: Executor, id: string, now: Date): Promise<void> {
  await sql`
    update sessions set seen_at = greatest(seen_at, ${now})
    where id = ${id} and ended_at is null`.execute(executor);
}

/** Sessions that ended by themselves or otherwise longer ago than anybody asks. */
export async function deleteOldSessions(executor: Executor, before: Date): Promise<void> {
  await sql`delete from sessions where seen_at < ${before}`.execute(executor);
}

export function findCredential(
  reader: Reader,
  userId: string,
): Promise<Selectable<Schema["credentials"]> | undefined> {
  return reader
    .selectFrom("credentials")
    .selectAll()
    .where("user_id", "=", userId)
    .executeTakeFirst();
}

/** Password and links go, and the addresses that sessions were opened from. */
export async function forgetWaysIn(tx: Transaction<Schema>, userId: string): Promise<void> {
  await tx.deleteFrom("credentials").where("user_id", "=", userId).execute();
  await tx.deleteFrom("links").where("user_id", "=", userId).execute();
  await tx
    .updateTable("sessions")
    .set({ remote_address: "" })
    .where("user_id", "=", userId)
    .execute();
}

export async function findPasswordHash(
  reader: Reader,
  userId: string,
): Promise<string | undefined> {
  const row = await reader
    .selectFrom("credentials")
    .select("password_hash")
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return row?.password_hash;
}

export async function putPasswordHash(
  tx: Transaction<Schema>,
  userId: string,
  given: { readonly passwordHash: string; readonly now: Date },
): Promise<void> {
  const values = { password_hash: given.passwordHash, changed_at: given.now };
  await tx
    .insertInto("credentials")
    .values({ user_id: userId, ...values })
    .onConflict((conflict) => conflict.column("user_id").doUpdateSet(values))
    .execute();
}

/** Locks the count of a subject, made first where there was none, so that attempts queue up. */
export async function lockAttempts(
  tx: Transaction<Schema>,
  subject: Uint8Array,
): Promise<AttemptCount | undefined> {
  const key = Buffer.from(subject);
  const epoch = new Date(0);
  await tx
    .insertInto("sign_in_attempts")
    .values({ subject: key, attempts: 0, last_at: epoch, blocked_until: epoch })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await tx
    .selectFrom("sign_in_attempts")
    .selectAll()
    .where("subject", "=", key)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined || row.attempts === 0) return undefined;
  return {
    attempts: row.attempts,
    lastAtMs: row.last_at.getTime(),
    blockedUntilMs: row.blocked_until.getTime(),
  };
}

export async function putAttempts(
  tx: Transaction<Schema>,
  subject: Uint8Array,
  count: AttemptCount,
): Promise<void> {
  await tx
    .updateTable("sign_in_attempts")
    .set({
      attempts: count.attempts,
      last_at: new Date(count.lastAtMs),
      blocked_until: new Date(count.blockedUntilMs),
    })
    .where("subject", "=", Buffer.from(subject))
    .execute();
}

/** Forgets an e-mail address's attempts, and gives an address the last one back. */
export async function forgiveAttempts(
  executor: Executor,
  subjects: { readonly email: Uint8Array; readonly address: Uint8Array },
): Promise<void> {
  await sql`
    delete from sign_in_attempts where subject = ${Buffer.from(subjects.email)}`.execute(executor);
  await sql`
    update sign_in_attempts
    set attempts = greatest(attempts - 1, 0), blocked_until = least(blocked_until, last_at)
    where subject = ${Buffer.from(subjects.address)}`.execute(executor);
}

export async function deleteOldAttempts(executor: Executor, before: Date): Promise<void> {
  await sql`delete from sign_in_attempts where last_at < ${before}`.execute(executor);
}
