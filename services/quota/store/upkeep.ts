import { sql } from "@tandem/libs/store";
import { type Books, changeBooks, lockWallet, readClock } from "./books.ts";
import { pruneChanges } from "./changes.ts";
import { expireCredit } from "./credit.ts";
import { changeLease } from "./leases.ts";

/** What time does to the books. Every step may be run by several replicas at once. */

const batchSize = 200;
const changesKeptMs = 24 * 3_600_000;
const leasesKeptMs = 30 * 24 * 3_600_000;

/** Ends the leases of silent holders; how much went back to wallets. */
export async function ageLeases(books: Books): Promise<bigint> {
  const { rows } = await sql<{ id: string; organisation_id: string }>`
    select id, organisation_id from leases
    where state <> 'closed' and due_at_ms <= (select ${books.clock()})
    order by due_at_ms limit ${batchSize}`.execute(books.database);
  let released = 0n;
  for (const { id, organisation_id: organisationId } of rows) {
    released += await changeLease(books, { id, organisationId }, "age");
  }
  return released;
}

/** Books out credit that ran out of time; how much. */
export async function expireAll(books: Books): Promise<bigint> {
  const { rows } = await sql<{ id: string }>`
    select distinct organisation_id as id from lots
    where remaining_nanos > 0 and expires_at_ms <= (select ${books.clock()})
    limit ${batchSize}`.execute(books.database);
  let expired = 0n;
  for (const { id } of rows) {
    expired += await changeBooks(books, id, async (tx) => {
      const wallet = await lockWallet(tx, books, id);
      return wallet === undefined ? 0n : expireCredit(tx, books, wallet);
    });
  }
  return expired;
}

/** Forgets changes that every replica has heard of, and leases that ended long ago. */
export async function forgetOld(books: Books): Promise<void> {
  const nowMs = await readClock(books.database, books);
  await pruneChanges(books.database, nowMs - changesKeptMs);
  await sql`
    with old as (
      delete from leases where id in (
        select leases.id from leases
        where state = 'closed' and renewed_at_ms < ${nowMs - leasesKeptMs}
        order by renewed_at_ms limit ${batchSize}
      ) returning id
    )
    delete from accounts using old where accounts.id = 'hold:' || old.id and balance = 0`.execute(
    books.database,
  );
}

/** The sum over all accounts: 0, or something is broken. */
export async function sumOfAccounts(books: Books): Promise<bigint> {
  const { rows } = await sql<{ sum: bigint }>`
    select coalesce(sum(balance), 0)::bigint as sum from accounts`.execute(books.database);
  return rows[0]?.sum ?? 0n;
}
