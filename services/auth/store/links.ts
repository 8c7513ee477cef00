import {
  type Database,
  type Executor,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import type { Schema } from "./schema.ts";

export type LinkRow = Selectable<Schema["links"]>;

type Reader = Database<Schema> | Transaction<Schema>;

interface Subject {
  readonly issuer: string;
  readonly subject: string;
}

export async function findLinkedUser(
  reader: Reader,
  { issuer, subject }: Subject,
): Promise<string | undefined> {
  const row = await reader
    .selectFrom("links")
    .select("user_id")
    .where("issuer", "=", issuer)
    .where("subject", "=", subject)
    .executeTakeFirst();
  return row?.user_id;
}

/** Links an identity, or notes that it was used; whom it leads to, which the first link decided. */
export async function putLink(tx: Transaction<Schema>, link: LinkRow): Promise<string> {
  const { user_id } = await tx
    .insertInto("links")
    .values(link)
    .onConflict((conflict) =>
      conflict.columns(["issuer", "subject"]).doUpdateSet({ used_at: link.used_at }),
    )
    .returning("user_id")
    .executeTakeFirstOrThrow();
  return user_id;
}

export function listLinks(reader: Reader, userId: string): Promise<readonly LinkRow[]> {
  return reader
    .selectFrom("links")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy("linked_at")
    .execute();
}

export async function deleteLinks(
  tx: Transaction<Schema>,
  { userId, provider }: { readonly userId: string; readonly provider: string },
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("links")
    .where("user_id", "=", userId)
    .where("provider", "=", provider)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** True for whoever comes first with this state; everybody else repeats. */
export async function useState(
  executor: Executor,
  { hash, expiresAt }: { readonly hash: Uint8Array; readonly expiresAt: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into used_states (hash, expires_at) values (${Buffer.from(hash)}, ${expiresAt})
    on conflict do nothing`.execute(executor);
  return numAffectedRows === 1n;
}

export async function deleteOldStates(executor: Executor, now: Date): Promise<void> {
  await sql`delete from used_states where expires_at < ${now}`.execute(executor);
}
