import {
  type Database,
  type Executor,
  type RawBuilder,
  sql,
  transaction,
} from "@tandem/libs/store";
import type { World } from "@tandem/libs/world";
import { walletAccount } from "../core/account.ts";
import type { LeaseTimes } from "../core/lease.ts";
import type { Ledger } from "./ledger.ts";
import type { Turns } from "./turns.ts";

/** The database's clock in milliseconds since 1970, as an expression of SQL. */
export type DatabaseClock = () => RawBuilder<bigint>;

/** All replicas share the database's clock, whatever their own say; tests set another. */
export const databaseClock: DatabaseClock = () =>
  sql<bigint>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/** What everything that changes the books of an organisation works with. */
export interface Books {
  readonly database: Database<unknown>;
  readonly world: World;
  readonly ledger: Ledger;
  /** By organisation. */
  readonly turns: Turns;
  readonly clock: DatabaseClock;
  readonly times: LeaseTimes;
  /** What is settled goes on to analytics; false where the topology has no such service. */
  readonly tellsUsage?: boolean;
}

/**
 * A transaction on the books of one organisation, when its turn has come. Run again as a whole when
 * it lost against another one, so `run` must have no effect but on the database.
 */
export function changeBooks<Result>(
  books: Books,
  organisationId: string,
  run: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  return books.turns.take(organisationId, () => transaction(books.database, run));
}

/** A wallet whose row this transaction has locked, as it stands. */
export interface LockedWallet {
  readonly organisationId: string;
  readonly currency: string;
  readonly availableNanos: bigint;
  readonly nowMs: number;
  /** When somebody was last short of money that lay in stock at a gateway. */
  readonly shortAtMs: number;
  /** Some of its credit has run out of time and is not booked out yet. */
  readonly hasExpired: boolean;
  /** The one stripe of the ledger that this transaction writes to. */
  readonly stripe: number;
}

/**
 * Locks the organisation's wallet until the transaction ends, and with it its leases, lots and
 * budgets: nobody touches those without. Undefined when there is none yet.
 */
export async function lockWallet(
  tx: Executor,
  books: Books,
  organisationId: string,
): Promise<LockedWallet | undefined> {
  const locked = await sql<{ currency: string; short_at_ms: bigint }>`
    select currency, short_at_ms from wallets
    where organisation_id = ${organisationId} for update`.execute(tx);
  const [found] = locked.rows;
  if (found === undefined) return undefined;
  // A statement of its own: one that waited for the lock would see balances from before it.
  const { rows } = await sql<{ balance: bigint; now_ms: bigint; has_expired: boolean }>`
    with clock as (select ${books.clock()} as now_ms)
    select balance, now_ms, exists (
      select 1 from lots where lots.organisation_id = ${organisationId}
        and remaining_nanos > 0 and expires_at_ms <= now_ms
    ) as has_expired
    from accounts, clock where id = ${walletAccount(organisationId)}`.execute(tx);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    organisationId,
    currency: found.currency,
    availableNanos: row.balance,
    nowMs: Number(row.now_ms),
    shortAtMs: Number(found.short_at_ms),
    hasExpired: row.has_expired,
    stripe: books.ledger.drawStripe(),
  };
}

/** The database's time, in milliseconds since 1970. */
export async function readClock(executor: Executor, books: Pick<Books, "clock">): Promise<number> {
  const { rows } = await sql<{ now_ms: bigint }>`select ${books.clock()} as now_ms`.execute(
    executor,
  );
  return Number(rows[0]?.now_ms ?? 0n);
}
