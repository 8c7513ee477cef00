import { idFromBytes } from "@tandem/libs/kernel";
import { type Executor, type RawBuilder, sql } from "@tandem/libs/store";
import { platformAccount, walletAccount } from "../core/account.ts";
import {
  type Charge,
  type GivenBack,
  type Reducible,
  type Return,
  returnsOf,
  takeOff,
} from "../core/give-back.ts";
import type { Off } from "../core/settle-again.ts";
import type { Settlement } from "../core/settlement.ts";
import type { NewTransfer } from "./ledger.ts";

/** What is to be taken off a request: its settlements, and the one that says what it costs. */
export interface Reduction {
  readonly by: Settlement;
  readonly settlements: readonly Reducible[];
  readonly off: Off;
}

/** How it is booked. */
export interface GiveBack {
  readonly by: Settlement;
  readonly givenBack: GivenBack;
  readonly returns: readonly Return[];
  /** Of what was charged. */
  readonly currency: string;
}

/** Finds out where the money of these reductions came from. Lock their wallets first. */
export async function planGiveBacks(
  tx: Executor,
  reductions: readonly Reduction[],
): Promise<readonly GiveBack[]> {
  const giveBacks: GiveBack[] = [];
  for (const { by, settlements, off } of reductions) {
    for (const givenBack of takeOff(settlements, off)) {
      const of = { organisationId: by.organisationId, settlementId: givenBack.settlementId };
      const { charges, currency } = await findCharges(tx, of);
      giveBacks.push({ by, givenBack, currency, returns: returnsOf(charges, givenBack.nanos) });
    }
  }
  return giveBacks;
}

/** Ids of transfers carry their time by the clock of a process, which may be off by this much. */
const clocksApartMs = 3_600_000;

/** What the ledger took for a settlement, in the order in which it did. */
async function findCharges(
  tx: Executor,
  of: { readonly organisationId: string; readonly settlementId: string },
): Promise<{ readonly charges: readonly Charge[]; readonly currency: string }> {
  const { rows } = await sql<{ charged: bigint; settled: bigint; currency: string }>`
    select charged_nanos as charged, settled_at_ms as settled, currency from settlements
    where request_id = ${of.settlementId} and kind = 'settlement'`.execute(tx);
  const { charged = 0n, settled = 0n, currency = "" } = rows[0] ?? {};
  const around = [-clocksApartMs, clocksApartMs].map((ms) => transferIdAt(Number(settled) + ms));
  const near = await readCharges(tx, of, around);
  const sum = near.reduce((total, { nanos }) => total + nanos, 0n);
  // Only where a clock was further off are all of the organisation's transfers read.
  const charges = sum === charged ? near : await readCharges(tx, of, ["", "~"]);
  return { charges, currency };
}

function transferIdAt(timestampMs: number): string {
  return idFromBytes("trf", { timestampMs: Math.max(0, timestampMs), random: new Uint8Array(10) });
}

async function readCharges(
  tx: Executor,
  of: { readonly organisationId: string; readonly settlementId: string },
  [from, until]: readonly string[],
): Promise<readonly Charge[]> {
  const { rows } = await sql<{ nanos: bigint; lots: string; budgets: string }>`
    select nanos, lots, budgets from transfers
    where organisation_id = ${of.organisationId} and id > ${from} and id < ${until}
      and kind not in ('lease', 'release') and kind = 'settlement'
      and reference = ${of.settlementId}
    order by id`.execute(tx);
  return rows.map(({ nanos, lots, budgets }) => ({
    nanos,
    lots: listed(lots, ":").map(([lotId, used]) => ({ lotId, nanos: BigInt(used) })),
    budgets: listed(budgets, "@").map(([budgetId, periodKey]) => ({ budgetId, periodKey })),
  }));
}

function listed(text: string, mark: string): readonly (readonly [string, string])[] {
  return text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const at = entry.indexOf(mark);
      return [entry.slice(0, at), entry.slice(at + mark.length)] as const;
    });
}

/** Writes down what is taken off; the money moves with `transfersBack`. */
export async function insertGiveBacks(
  tx: Executor,
  { giveBacks, nowMs }: { readonly giveBacks: readonly GiveBack[]; readonly nowMs: number },
): Promise<void> {
  for (const { by, givenBack } of giveBacks) {
    await sql`
      insert into give_backs (settlement_id, organisation_id, nanos, input_tokens,
        cached_input_tokens, output_tokens, reasoning_tokens, given_at_ms)
      values (${givenBack.settlementId}, ${by.organisationId}, ${givenBack.nanos},
        ${givenBack.inputTokens}, ${givenBack.cachedInputTokens}, ${givenBack.outputTokens},
        ${givenBack.reasoningTokens}, ${nowMs})`.execute(tx);
  }
}

/** The transfers of what goes back, to the wallet, whatever lease it was spent from. */
export function transfersBack(giveBacks: readonly GiveBack[], stripe: number): NewTransfer[] {
  return giveBacks.flatMap(({ by, givenBack, returns, currency }) =>
    returns.map(({ nanos, lots, budgets }) => ({
      organisationId: by.organisationId,
      debitAccount: platformAccount("given_back", { currency, stripe }),
      creditAccount: walletAccount(by.organisationId),
      nanos,
      kind: "give_back" as const,
      reference: givenBack.settlementId,
      note: "estimated too high",
      lots: asUses(lots),
      budgets,
    })),
  );
}

/** Lots that get something back, as uses of less than nothing. */
export function asUses(lots: Return["lots"]): Return["lots"] {
  return lots.map(({ lotId, nanos }) => ({ lotId, nanos: -nanos }));
}

/** An organisation's settlements with what was charged of them in the end. */
export function netSettlements(organisationId: string): RawBuilder<unknown> {
  return sql`(
    select project_id, user_id, key_id, model, at_ms,
      charged_nanos - coalesce(back.nanos, 0) as charged_nanos
    from settlements left join give_backs as back on settlement_id = request_id
    where settlements.organisation_id = ${organisationId} and kind = 'settlement'
  )`;
}
