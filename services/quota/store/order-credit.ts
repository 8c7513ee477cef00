/** Credit that orders paid for, and credit that their refunds take back. */
import { type Executor, recordOnce, sql } from "@tandem/libs/store";
import { platformAccount, walletAccount } from "../core/account.ts";
import { firstOf, type LotUse, takeableParts } from "../core/lots.ts";
import { faults } from "../faults.ts";
import { type Books, changeBooks, type LockedWallet, lockWallet } from "./books.ts";
import { recordChange } from "./changes.ts";
import { findLots, grantWithin, useLots } from "./credit.ts";

const consumer = "orders";

export interface OrderCredit {
  readonly eventId: string;
  /** The order, or the refund that came to nothing. */
  readonly orderId: string;
  readonly organisationId: string;
  readonly nanos: bigint;
  readonly currency: string;
  readonly expiresAtMs: number | undefined;
  readonly note: string;
}

export interface TakeBack {
  readonly refundId: string;
  readonly orderId: string;
  readonly organisationId: string;
  readonly nanos: bigint;
  readonly atMost: boolean;
  readonly note: string;
}

export interface TakenBack {
  /** 0: refused. */
  readonly takenNanos: bigint;
  readonly remainingNanos: bigint;
}

/** The key under which an order's credit stands in the wallet. */
function creditKey(orderId: string): string {
  return `order ${orderId}`;
}

/**
 * Adds the credit of a paid order: once for each event, whatever is delivered again, and once for
 * each order, whatever is sent twice. Throws what `grantCredit` throws.
 */
export async function creditOrder(books: Books, credit: OrderCredit): Promise<void> {
  await books.ledger.openCurrency(credit.currency);
  await changeBooks(books, credit.organisationId, async (tx) => {
    if (!(await recordOnce(tx, consumer, credit.eventId))) return;
    await grantWithin(tx, books, {
      organisationId: credit.organisationId,
      nanos: credit.nanos,
      kind: "purchased",
      expiresAtMs: credit.expiresAtMs,
      reason: credit.note,
      idempotencyKey: creditKey(credit.orderId),
      currency: credit.currency,
    });
  });
}

/**
 * Takes an order's credit out of the wallet again. The first decision about a refund stays: a
 * repeated message is answered alike. Throws `quota.credit_held` while requests under way hold what
 * would be there otherwise.
 */
export function takeBackCredit(books: Books, wanted: TakeBack): Promise<TakenBack> {
  const { organisationId } = wanted;
  return changeBooks(books, organisationId, async (tx) => {
    const wallet = await lockWallet(tx, books, organisationId);
    const decided = await findDecision(tx, wanted);
    if (decided !== undefined) return decided;
    const credit = wallet === undefined ? nothing : await measure(tx, wallet, wanted);
    const taken = decide(wanted, { now: sumOf(credit.now), later: credit.laterNanos });
    if (taken > 0n && wallet !== undefined) {
      await moveBack(tx, { books, wallet, wanted, uses: firstOf(credit.now, taken) });
    }
    const outcome = { takenNanos: taken, remainingNanos: credit.laterNanos - taken };
    await sql`
      insert into take_backs (refund_id, organisation_id, order_id, asked_nanos, taken_nanos,
        remaining_nanos, at_ms)
      values (${wanted.refundId}, ${organisationId}, ${wanted.orderId}, ${wanted.nanos},
        ${taken}, ${outcome.remainingNanos}, ${books.clock()})`.execute(tx);
    return outcome;
  });
}

interface OrdersCredit {
  readonly now: readonly LotUse[];
  readonly laterNanos: bigint;
}

const nothing: OrdersCredit = { now: [], laterNanos: 0n };

function sumOf(uses: readonly LotUse[]): bigint {
  return uses.reduce((sum, { nanos }) => sum + nanos, 0n);
}

/** How much is taken: all of it or nothing, unless less will do. Throws `quota.credit_held`. */
function decide(
  { nanos, atMost }: TakeBack,
  { now, later }: { readonly now: bigint; readonly later: bigint },
): bigint {
  if (now >= nanos) return nanos;
  const couldTake = later < nanos ? later : nanos;
  if (couldTake > now && (atMost || later >= nanos)) throw faults.credit_held();
  return atMost ? now : 0n;
}

async function moveBack(
  tx: Executor,
  given: {
    readonly books: Books;
    readonly wallet: LockedWallet;
    readonly wanted: TakeBack;
    readonly uses: readonly LotUse[];
  },
): Promise<void> {
  const { books, wallet, wanted, uses } = given;
  const { organisationId } = wallet;
  await useLots(tx, uses);
  await books.ledger.append(tx, wallet, [
    {
      organisationId,
      debitAccount: walletAccount(organisationId),
      creditAccount: platformAccount("payments", wallet),
      nanos: sumOf(uses),
      kind: "take_back",
      reference: wanted.refundId,
      note: wanted.note,
      lots: uses,
    },
  ]);
  await recordChange(tx, { organisationId, nowMs: wallet.nowMs });
}

async function findDecision(tx: Executor, wanted: TakeBack): Promise<TakenBack | undefined> {
  const { rows } = await sql<{ asked: bigint; taken: bigint; remaining: bigint }>`
    select asked_nanos as asked, taken_nanos as taken, remaining_nanos as remaining
    from take_backs
    where refund_id = ${wanted.refundId} and organisation_id = ${wanted.organisationId}`.execute(
    tx,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  if (row.asked !== wanted.nanos) throw faults.idempotency_conflict();
  return { takenNanos: row.taken, remainingNanos: row.remaining };
}

/** The order's lot, and those in which its credit came back after refunds that failed. */
async function findLotsOf(tx: Executor, wanted: TakeBack): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from lots
    where organisation_id = ${wanted.organisationId} and (
      idempotency_key = ${creditKey(wanted.orderId)}
      or idempotency_key in (
        select 'order ' || refund_id from take_backs
        where order_id = ${wanted.orderId} and organisation_id = ${wanted.organisationId}
      )
    )`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}

async function measure(
  tx: Executor,
  { organisationId, availableNanos, nowMs }: LockedWallet,
  wanted: TakeBack,
): Promise<OrdersCredit> {
  const lots = (await findLots(tx, [organisationId])).get(organisationId) ?? [];
  const total = lots.reduce((sum, { remainingNanos }) => sum + remainingNanos, 0n);
  const own = await findLotsOf(tx, wanted);
  // What ran out of time, though it is not booked out yet, cannot be taken.
  const lotIds = new Set(
    lots
      .filter(({ id, expiresAtMs }) => own.has(id) && (expiresAtMs ?? nowMs + 1) > nowMs)
      .map(({ id }) => id),
  );
  return takeableParts(lots, { lotIds, heldNanos: total - availableNanos });
}
