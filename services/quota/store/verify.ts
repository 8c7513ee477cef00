import { type Executor, sql, transaction } from "@tandem/libs/store";
import type { Books } from "./books.ts";
import { chainHash, genesisHash, type TransferRow } from "./ledger.ts";

export interface LedgerReport {
  readonly sumNanos: bigint;
  readonly accounts: number;
  readonly transfers: number;
  /** Empty when everything is as the transfers say. */
  readonly problems: readonly string[];
}

const pageSize = 5_000;
/** More than these help nobody. */
const problemsMax = 100;

/** What the transfers come to, added up from the first. */
interface Totals {
  transfers: number;
  readonly byAccount: Map<string, bigint>;
  readonly byLot: Map<string, bigint>;
  readonly byBudget: Map<string, bigint>;
  readonly byRequest: Map<string, bigint>;
  /** By the settlement of which something was given back. */
  readonly byGiveBack: Map<string, bigint>;
}

/**
 * Recomputes everything from the transfers, on one snapshot while others go on writing: the hash
 * chains, every balance, lot and budget, and each settlement's charge. Reads the whole ledger.
 */
export function verifyLedger(books: Books): Promise<LedgerReport> {
  return transaction(
    books.database,
    async (tx) => {
      await sql`set transaction read only`.execute(tx);
      await sql`set local statement_timeout = '60s'`.execute(tx);
      const problems: string[] = [];
      const report = (problem: string): void => {
        if (problems.length < problemsMax) problems.push(problem);
      };
      const totals = await addUp(tx, report);
      const sums = await checkAccounts(tx, totals, report);
      await checkLots(tx, totals, report);
      await checkBudgets(tx, totals, report);
      await checkSettlements(tx, totals, report);
      await checkGiveBacks(tx, totals, report);
      return { ...sums, transfers: totals.transfers, problems };
    },
    { isolation: "repeatable read" },
  );
}

type Report = (problem: string) => void;

interface ChainedRow extends TransferRow {
  readonly day: string;
  readonly stripe: number;
  readonly position: bigint;
  readonly hash: Buffer;
}

interface Head {
  readonly day: string;
  readonly stripe: number;
  readonly position: bigint;
  readonly hash: Buffer;
}

async function addUp(tx: Executor, report: Report): Promise<Totals> {
  const totals: Totals = {
    transfers: 0,
    byAccount: new Map(),
    byLot: new Map(),
    byBudget: new Map(),
    byRequest: new Map(),
    byGiveBack: new Map(),
  };
  const heads = await sql<Head>`select * from chain_heads order by stripe, day`.execute(tx);
  let before: Head | undefined;
  for (const head of heads.rows) {
    const previous = before?.stripe === head.stripe ? before.hash : undefined;
    const last = await walkChain(tx, { head, previous, totals });
    if (!last.equals(head.hash)) {
      report(`the chain of ${head.day}, stripe ${head.stripe}, does not lead to its head`);
    }
    before = head;
  }
  const { rows } = await sql<{ count: bigint }>`select count(*) from transfers`.execute(tx);
  const outside = Number(rows[0]?.count ?? 0n) - totals.transfers;
  if (outside !== 0) report(`${outside} transfers stand outside of every chain`);
  return totals;
}

/** Follows one chain and adds up its transfers; the hash that they lead to. */
async function walkChain(
  tx: Executor,
  chain: { readonly head: Head; readonly previous: Buffer | undefined; readonly totals: Totals },
): Promise<Buffer> {
  const { day, stripe } = chain.head;
  let last = genesisHash(day, stripe, chain.previous);
  let position = 0n;
  for (;;) {
    const { rows } = await sql<ChainedRow>`
      select * from transfers
      where day = ${day} and stripe = ${stripe} and position > ${position}
      order by position limit ${pageSize}`.execute(tx);
    for (const row of rows) {
      last = chainHash(last, row);
      // A chain broken on the way never leads to the head again.
      if (row.position !== position + 1n || !last.equals(row.hash)) last = Buffer.alloc(32);
      position = row.position;
      addTransfer(chain.totals, row);
    }
    if (rows.length < pageSize) return last;
  }
}

function addTransfer(totals: Totals, row: TransferRow): void {
  totals.transfers += 1;
  add(totals.byAccount, row.debit_account, -row.nanos);
  add(totals.byAccount, row.credit_account, row.nanos);
  for (const use of row.lots.split(",")) {
    const [lotId = "", nanos = "0"] = use.split(":");
    if (lotId !== "") add(totals.byLot, lotId, BigInt(nanos));
  }
  const isBack = row.kind === "give_back";
  if (row.kind !== "settlement" && !isBack) return;
  const spent = isBack ? -row.nanos : row.nanos;
  add(isBack ? totals.byGiveBack : totals.byRequest, row.reference, row.nanos);
  for (const mark of row.budgets.split(",")) if (mark !== "") add(totals.byBudget, mark, spent);
}

function add(sums: Map<string, bigint>, key: string, nanos: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + nanos);
}

async function checkAccounts(tx: Executor, totals: Totals, report: Report) {
  const { rows } = await sql<{ id: string; currency: string; balance: bigint }>`
    select id, currency, balance from accounts`.execute(tx);
  let sumNanos = 0n;
  const left = new Map(totals.byAccount);
  const byCurrency = new Map<string, bigint>();
  for (const { id, currency, balance } of rows) {
    sumNanos += balance;
    add(byCurrency, currency, balance);
    const expected = left.get(id) ?? 0n;
    left.delete(id);
    if (balance !== expected) report(`${id} has ${balance} nanos, its transfers say ${expected}`);
  }
  for (const [currency, sum] of byCurrency) {
    if (sum !== 0n) report(`all accounts in ${currency} sum to ${sum} nanos, not to 0`);
  }
  // Old empty holds are forgotten; what they were moved by must cancel out.
  for (const [id, nanos] of left) {
    if (nanos !== 0n) report(`${id} does not exist, its transfers say ${nanos} nanos`);
  }
  return { sumNanos, accounts: rows.length };
}

async function checkLots(tx: Executor, totals: Totals, report: Report): Promise<void> {
  const lots = await sql<{ id: string; granted: bigint; remaining: bigint }>`
    select id, granted_nanos as granted, remaining_nanos as remaining from lots`.execute(tx);
  for (const { id, granted, remaining } of lots.rows) {
    const expected = granted - (totals.byLot.get(id) ?? 0n);
    if (remaining !== expected) report(`lot ${id} has ${remaining}, its uses leave ${expected}`);
  }
  const wallets = await sql<{ id: string; owned: bigint; credit: bigint }>`
    select organisation_id as id,
      (select coalesce(sum(balance), 0)::bigint from accounts
        where accounts.organisation_id = wallets.organisation_id
          and accounts.organisation_id <> '') as owned,
      (select coalesce(sum(remaining_nanos), 0)::bigint from lots
        where lots.organisation_id = wallets.organisation_id) as credit
    from wallets`.execute(tx);
  for (const { id, owned, credit } of wallets.rows) {
    if (owned !== credit) report(`${id} owns ${owned} in accounts and ${credit} in lots`);
  }
}

async function checkBudgets(tx: Executor, totals: Totals, report: Report): Promise<void> {
  const { rows } = await sql<{
    mark: string;
    initial: bigint;
    spent: bigint;
    counted: bigint;
    held: bigint;
  }>`
    select budget_id || '@' || period_key as mark, initial_nanos as initial, spent_nanos as spent,
      held_nanos as counted, (
        select coalesce(sum(balance), 0)::bigint from lease_budgets
        join accounts on accounts.id = 'hold:' || lease_id
        where lease_budgets.budget_id = budget_periods.budget_id
          and lease_budgets.period_key = budget_periods.period_key
      ) as held
    from budget_periods`.execute(tx);
  for (const { mark, initial, spent, counted, held } of rows) {
    const expected = initial + (totals.byBudget.get(mark) ?? 0n);
    if (spent !== expected) report(`budget ${mark} counts ${spent} spent, it is ${expected}`);
    if (counted !== held) report(`budget ${mark} counts ${counted} held, leases hold ${held}`);
  }
}

/** In pages: there are as many as requests. */
async function checkSettlements(tx: Executor, totals: Totals, report: Report): Promise<void> {
  let after = "";
  for (;;) {
    const { rows } = await sql<{ request_id: string; charged: bigint }>`
      select request_id, charged_nanos as charged from settlements
      where kind = 'settlement' and request_id > ${after}
      order by request_id limit ${pageSize}`.execute(tx);
    for (const { request_id: id, charged } of rows) {
      const moved = totals.byRequest.get(id) ?? 0n;
      totals.byRequest.delete(id);
      if (charged !== moved) report(`request ${id} was charged ${charged}, ${moved} was moved`);
    }
    after = rows.at(-1)?.request_id ?? after;
    if (rows.length < pageSize) break;
  }
  for (const id of totals.byRequest.keys()) report(`request ${id} was charged without a record`);
}

/** There are few: one for each part that was estimated too high. */
async function checkGiveBacks(tx: Executor, totals: Totals, report: Report): Promise<void> {
  const { rows } = await sql<{ id: string; nanos: bigint; charged: bigint }>`
    select settlement_id as id, nanos, coalesce(charged_nanos, 0) as charged from give_backs
    left join settlements on request_id = settlement_id and kind = 'settlement'`.execute(tx);
  for (const { id, nanos, charged } of rows) {
    const moved = totals.byGiveBack.get(id) ?? 0n;
    totals.byGiveBack.delete(id);
    if (nanos !== moved) report(`${nanos} of ${id} were to be given back, ${moved} were`);
    if (nanos > charged) report(`${nanos} of ${id} were given back, it was charged ${charged}`);
  }
  for (const id of totals.byGiveBack.keys()) report(`${id} was given back without a record`);
}
