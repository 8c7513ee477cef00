import { type Executor, isContention, type RawBuilder, sql, transaction } from "@tandem/libs/store";
import { holdAccount, platformAccount, walletAccount } from "../core/account.ts";
import { LotQueue } from "../core/lots.ts";
import { judgeAgain } from "../core/settle-again.ts";
import {
  type AnomalyKind,
  type Booking,
  completeOutcome,
  flawOf,
  isOnlyTold,
  type LeaseBalance,
  type RefusalKind,
  type Settlement,
  SettlementDesk,
  type WalletBalance,
} from "../core/settlement.ts";
import { type Anomaly, recordAnomalies } from "./anomalies.ts";
import { type Books, readClock } from "./books.ts";
import { moveBudgets } from "./budget-rows.ts";
import { findLots, useLots } from "./credit.ts";
import {
  asUses,
  type GiveBack,
  insertGiveBacks,
  planGiveBacks,
  type Reduction,
  transfersBack,
} from "./give-backs.ts";
import type { NewTransfer } from "./ledger.ts";
import { findAttachedTo, findSettled, insertSettlements } from "./settlement-rows.ts";
import { enqueueCorrections, enqueueUsage } from "./usage-events.ts";
import { type BudgetWarning, warnOfMoved } from "./warnings.ts";

/** For one wallet that is locked, and for all of a call. */
const lockTimeoutMs = 250;
const patienceMs = 1_000;

export interface SettleOutcome {
  /** Request ids that are in the ledger now, those of earlier calls included. */
  readonly settled: readonly string[];
  readonly refused: readonly { readonly requestId: string; readonly reason: RefusalKind }[];
  /** Wallets that somebody else kept locked: neither settled nor refused, to be sent again. */
  readonly waiting: readonly string[];
  /** Thresholds of budgets that were reached by this. */
  readonly warnings: readonly BudgetWarning[];
}

/**
 * Books each settlement exactly once, whatever is repeated, reordered or sent to two replicas at
 * once. All of a call is one transaction, except for wallets that another transaction has locked:
 * those are tried afterwards one by one, so that one stuck organisation delays no other.
 */
export async function settle(
  books: Books,
  { holder, settlements }: { readonly holder: string; readonly settlements: readonly Settlement[] },
): Promise<SettleOutcome> {
  const outcome = {
    settled: [] as string[],
    refused: [] as Refused[],
    waiting: [] as string[],
    warnings: [] as BudgetWarning[],
  };
  const { sound, flawed, told } = sift(settlements);
  const first = await transaction(books.database, (tx) =>
    settleUnlocked(tx, books, { holder, settlements: sound, flawed, told }),
  );
  collect(outcome, first);
  const giveUpAtMs = books.world.clock.monotonicMs() + patienceMs;
  for (const [, group] of Map.groupBy(first.locked, ({ organisationId }) => organisationId)) {
    const isLate = books.world.clock.monotonicMs() > giveUpAtMs;
    const pass = isLate ? undefined : await settleWaiting(books, { holder, settlements: group });
    if (pass !== undefined) collect(outcome, pass);
    else outcome.waiting.push(...group.map(({ requestId }) => requestId));
  }
  return outcome;
}

/** One organisation by itself, waiting a moment for its wallet; undefined when that was in vain. */
async function settleWaiting(
  books: Books,
  { holder, settlements }: { readonly holder: string; readonly settlements: readonly Settlement[] },
): Promise<Pass | undefined> {
  const input = { holder, settlements, flawed: [], told: [], mayWait: true };
  try {
    return await transaction(books.database, (tx) => settleUnlocked(tx, books, input), {
      attemptsMax: 2,
    });
  } catch (error) {
    if (isContention(error)) return undefined;
    throw error;
  }
}

interface Refused {
  readonly requestId: string;
  readonly reason: RefusalKind;
}

interface Flawed {
  readonly settlement: Settlement;
  readonly reason: RefusalKind;
  readonly detail: string;
}

/**
 * Each request once: the whole answer before parts of it, and then the most that is asked for it.
 * What contradicts the same batch, or itself, is set aside.
 */
function sift(settlements: readonly Settlement[]): {
  readonly sound: readonly Settlement[];
  readonly flawed: readonly Flawed[];
  readonly told: readonly Settlement[];
} {
  const sound = new Map<string, Settlement>();
  const flawed: Flawed[] = [];
  for (const settlement of settlements) {
    const detail = flawOf(settlement);
    const twin = sound.get(settlement.requestId);
    if (detail !== undefined) flawed.push({ settlement, reason: "malformed", detail });
    else if (twin === undefined) sound.set(settlement.requestId, settlement);
    else if (twin.organisationId !== settlement.organisationId) {
      flawed.push(conflictOf(settlement, twin));
    } else if (saysMore(settlement, twin)) sound.set(settlement.requestId, settlement);
  }
  const { sound: booked = [], told = [] } = Object.groupBy(sound.values(), (settlement) =>
    isOnlyTold(settlement) ? "told" : "sound",
  );
  return { sound: booked, flawed, told };
}

function saysMore(settlement: Settlement, twin: Settlement): boolean {
  const [isWhole, wasWhole] = [settlement, twin].map(({ outcome }) => outcome === completeOutcome);
  return isWhole === wasWhole ? settlement.chargedNanos > twin.chargedNanos : isWhole === true;
}

function conflictOf(settlement: Settlement, ...others: readonly Charged[]): Flawed {
  const nanos = others.reduce((sum, { chargedNanos }) => sum + chargedNanos, 0n);
  return { settlement, reason: "conflict", detail: `the request was settled at ${nanos} nanos` };
}

type Charged = Pick<Settlement, "chargedNanos">;

interface Pass {
  readonly settled: readonly string[];
  readonly refused: readonly Flawed[];
  readonly locked: readonly Settlement[];
  readonly warnings: readonly BudgetWarning[];
}

function collect(
  outcome: {
    readonly settled: string[];
    readonly refused: Refused[];
    readonly warnings: BudgetWarning[];
  },
  pass: Pass,
): void {
  outcome.settled.push(...pass.settled);
  outcome.warnings.push(...pass.warnings);
  for (const { settlement, reason } of pass.refused) {
    outcome.refused.push({ requestId: settlement.requestId, reason });
  }
}

interface PassInput {
  readonly holder: string;
  readonly settlements: readonly Settlement[];
  readonly flawed: readonly Flawed[];
  readonly told: readonly Settlement[];
  readonly mayWait?: boolean;
}

async function settleUnlocked(tx: Executor, books: Books, input: PassInput): Promise<Pass> {
  const { free, locked, held } = await lockWallets(tx, input);
  const known = await findSettled(
    tx,
    free.map(({ requestId }) => requestId),
  );
  const settled: string[] = [];
  const refused: Flawed[] = [...input.flawed];
  const fresh: Settlement[] = [];
  const reductions: Reduction[] = [];
  /** Requests by the ids under which their rests are booked. */
  const restOf = new Map<string, string>();
  for (const settlement of free) {
    const earlier = known.get(settlement.requestId);
    if (earlier === undefined) {
      fresh.push(settlement);
      continue;
    }
    const verdict = judgeAgain(earlier, settlement);
    if (verdict.kind === "booked") settled.push(settlement.requestId);
    else if (verdict.kind === "conflict") {
      refused.push(conflictOf(settlement, ...earlier.settlements));
    } else {
      const { rest, off } = verdict;
      fresh.push(rest);
      restOf.set(rest.requestId, settlement.requestId);
      reductions.push({ by: rest, settlements: earlier.settlements, off });
    }
  }
  const nowMs = await readClock(tx, books);
  const batch = { ...input, nowMs, fresh, reductions, held };
  const { bookings, giveBacks, turnedDown, warnings } = await book(tx, books, batch);
  for (const flaw of turnedDown) {
    const requestId = restOf.get(flaw.settlement.requestId) ?? flaw.settlement.requestId;
    refused.push({ ...flaw, settlement: { ...flaw.settlement, requestId } });
  }
  for (const { settlement } of bookings) {
    settled.push(restOf.get(settlement.requestId) ?? settlement.requestId);
  }
  for (const { requestId } of input.told) settled.push(requestId);
  await enqueueUsage(tx, books, { bookings, told: input.told, nowMs });
  await enqueueCorrections(tx, books, { giveBacks, nowMs });
  const anomalies = [
    ...refused.map((flaw) => anomalyOf(flaw.settlement, { ...flaw, kind: flaw.reason })),
    ...bookings.flatMap(odditiesOf),
  ];
  await recordAnomalies(tx, books, { holder: input.holder, nowMs, anomalies });
  return { settled, refused, locked, warnings };
}

interface Locked {
  /** Of wallets that are locked now, or do not exist. */
  readonly free: readonly Settlement[];
  readonly locked: readonly Settlement[];
  /** Organisations whose wallets this transaction holds. */
  readonly held: ReadonlySet<string>;
}

/** Locks the wallets in the order of their ids; without `mayWait` those that are free just now. */
async function lockWallets(
  tx: Executor,
  { settlements, mayWait = false }: PassInput,
): Promise<Locked> {
  const ids = [...new Set(settlements.map(({ organisationId }) => organisationId))].sort();
  const skip = mayWait ? sql`` : sql`skip locked`;
  if (mayWait) await sql`set local lock_timeout = ${sql.lit(lockTimeoutMs)}`.execute(tx);
  const idsOf = async (query: RawBuilder<{ id: string }>): Promise<ReadonlySet<string>> =>
    new Set((await query.execute(tx)).rows.map(({ id }) => id));
  const wallets = sql`
    select organisation_id as id from wallets where organisation_id = any(${ids}::text[])`;
  const held = await idsOf(sql`${wallets} order by organisation_id for update ${skip}`);
  const existing = held.size < ids.length ? await idsOf(sql`${wallets}`) : held;
  const isFree = ({ organisationId: id }: Settlement): boolean => held.has(id) || !existing.has(id);
  return {
    free: settlements.filter(isFree),
    locked: settlements.filter((settlement) => !isFree(settlement)),
    held,
  };
}

interface Batch {
  readonly holder: string;
  readonly nowMs: number;
  readonly fresh: readonly Settlement[];
  /** Of requests whose rests are among the fresh ones. */
  readonly reductions: readonly Reduction[];
  readonly held: ReadonlySet<string>;
}

async function book(
  tx: Executor,
  books: Books,
  batch: Batch,
): Promise<{
  readonly bookings: readonly Booking[];
  readonly giveBacks: readonly GiveBack[];
  readonly turnedDown: readonly Flawed[];
  readonly warnings: readonly BudgetWarning[];
}> {
  if (batch.fresh.length === 0)
    return { bookings: [], giveBacks: [], turnedDown: [], warnings: [] };
  const desk = await openDesk(tx, batch);
  const bookings: Booking[] = [];
  const turnedDown: Flawed[] = [];
  for (const settlement of batch.fresh) {
    const verdict = desk.book(settlement);
    if (verdict.kind === "booked") bookings.push(verdict.booking);
    else turnedDown.push({ settlement, reason: verdict.reason, detail: verdict.detail });
  }
  await insertSettlements(tx, { ...batch, bookings });
  const isBooked = new Set(bookings.map(({ settlement }) => settlement));
  const giveBacks = await planGiveBacks(
    tx,
    batch.reductions.filter(({ by }) => isBooked.has(by)),
  );
  await insertGiveBacks(tx, { ...batch, giveBacks });
  const returns = giveBacks.flatMap((giveBack) => giveBack.returns);
  desk.giveBack(returns);
  const uses = bookings.flatMap(({ holdLots, walletLots }) => [...holdLots, ...walletLots]);
  await useLots(tx, [...uses, ...returns.flatMap(({ lots }) => asUses(lots))]);
  const moved = await moveBudgets(tx, desk.budgetMoves);
  const warnings = await warnOfMoved(tx, books, { moved, nowMs: batch.nowMs });
  const place = { stripe: books.ledger.drawStripe(), nowMs: batch.nowMs };
  const transfers = bookings.flatMap((booking) => transfersOf(booking, place.stripe));
  const back = transfersBack(giveBacks, place.stripe);
  for (const currency of new Set(giveBacks.map((giveBack) => giveBack.currency))) {
    await books.ledger.openAccount(tx, { kind: "given_back", currency, stripe: place.stripe });
  }
  await books.ledger.append(tx, place, [...transfers, ...back]);
  return { bookings, giveBacks, turnedDown, warnings };
}

async function openDesk(tx: Executor, batch: Batch): Promise<SettlementDesk> {
  const { holder, fresh, held } = batch;
  const charged = fresh.filter(
    ({ chargedNanos, organisationId }) => chargedNanos > 0n && held.has(organisationId),
  );
  const organisationIds = [...new Set(charged.map(({ organisationId }) => organisationId))];
  const leaseIds = [...new Set(charged.map(({ leaseId }) => leaseId))];
  const { rows } = await sql<{ id: string; currency: string; balance: bigint }>`
    select organisation_id as id, currency, balance from accounts
    where kind = 'wallet' and id = any(${organisationIds.map(walletAccount)}::text[])`.execute(tx);
  const lots = await findLots(tx, organisationIds);
  const wallets = new Map<string, WalletBalance>();
  for (const { id, currency, balance } of rows) {
    const queue = new LotQueue(lots.get(id) ?? []);
    wallets.set(id, { currency, availableNanos: balance, lots: queue });
  }
  const leases: ReadonlyMap<string, LeaseBalance> = await findAttachedTo(tx, leaseIds);
  return new SettlementDesk({ holder, leases, wallets });
}

function transfersOf(booking: Booking, stripe: number): readonly NewTransfer[] {
  const { settlement, fromHoldNanos, fromWalletNanos, spentIn } = booking;
  const { organisationId, requestId, leaseId, currency } = settlement;
  const common = {
    organisationId,
    creditAccount: platformAccount("revenue", { currency, stripe }),
    kind: "settlement" as const,
    reference: requestId,
    budgets: spentIn,
  };
  const transfers: NewTransfer[] = [];
  if (fromHoldNanos > 0n) {
    const debitAccount = holdAccount(leaseId);
    const lots = booking.holdLots;
    transfers.push({ ...common, debitAccount, nanos: fromHoldNanos, lots });
  }
  if (fromWalletNanos > 0n) {
    const debitAccount = walletAccount(organisationId);
    const lots = booking.walletLots;
    transfers.push({ ...common, debitAccount, nanos: fromWalletNanos, lots, note: "late" });
  }
  return transfers;
}

function odditiesOf(booking: Booking): readonly Anomaly[] {
  const { settlement, fromHoldNanos, fromWalletNanos, oddities } = booking;
  const chargedNanos = fromHoldNanos + fromWalletNanos;
  const detail = `reserved ${settlement.reservedNanos}, charged ${chargedNanos}`;
  return oddities.map((kind) => anomalyOf(settlement, { kind, detail, chargedNanos }));
}

function anomalyOf(
  { organisationId, requestId, chargedNanos }: Settlement,
  found: { readonly kind: AnomalyKind; readonly detail: string; readonly chargedNanos?: bigint },
): Anomaly {
  return {
    organisationId: storable(organisationId),
    requestId: storable(requestId),
    kind: found.kind,
    askedNanos: chargedNanos,
    chargedNanos: found.chargedNanos ?? 0n,
    detail: found.detail,
  };
}

/** What arrives malformed is kept as far as a column can hold it. */
function storable(text: string): string {
  return text.replaceAll("\0", "\u{FFFD}").slice(0, 512);
}
