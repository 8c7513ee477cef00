import { hash } from "node:crypto";
import { type Database, type Executor, sql } from "@tandem/libs/store";
import { newId, type World } from "@tandem/libs/world";
import {
  mayBeNegative,
  type PlatformKind,
  platformAccount,
  platformKinds,
  stripes,
  type TransferKind,
} from "../core/account.ts";
import { periodAt } from "../core/budget-period.ts";
import type { LotUse } from "../core/lots.ts";

/** One movement of money, not yet in the ledger. Both legs are in it, so the sum stays 0. */
export interface NewTransfer {
  readonly organisationId: string;
  readonly debitAccount: string;
  readonly creditAccount: string;
  /** At least 1. */
  readonly nanos: bigint;
  readonly kind: TransferKind;
  /** The request, lot or lease it is for. */
  readonly reference: string;
  readonly note?: string;
  /** Which credit it uses up; less than nothing where it comes back. */
  readonly lots?: readonly LotUse[];
  /** The budget periods it counts as spent in, or no longer does. */
  readonly budgets?: readonly { readonly budgetId: string; readonly periodKey: string }[];
}

interface PlatformPlace {
  readonly kind: PlatformKind;
  readonly currency: string;
  readonly stripe: number;
}

/** A transfer's fields in the order in which its hash covers them. */
export interface TransferRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly debit_account: string;
  readonly credit_account: string;
  readonly nanos: bigint;
  readonly kind: string;
  readonly reference: string;
  readonly note: string;
  /** `grt_…:123,grt_…:45`. */
  readonly lots: string;
  /** `bdg_…@2026-11,…`. */
  readonly budgets: string;
  readonly at_ms: bigint;
}

/** The next hash of a chain: over the one before, and every field of the transfer. */
export function chainHash(previous: Buffer, row: TransferRow): Buffer {
  const fields = [
    row.id,
    row.organisation_id,
    row.debit_account,
    row.credit_account,
    String(row.nanos),
    row.kind,
    row.reference,
    row.note,
    row.lots,
    row.budgets,
    String(row.at_ms),
  ];
  return hash("sha256", previous.toString("hex") + JSON.stringify(fields), "buffer");
}

/** What a stripe's chain of a day starts from: its last hash of the day before, so days cannot go. */
export function genesisHash(day: string, stripe: number, before: Buffer | undefined): Buffer {
  const text = `tandem ledger ${day} ${stripe} ${before?.toString("hex") ?? ""}`;
  return hash("sha256", text, "buffer");
}

/**
 * Appends transfers. A transaction writes to one stripe, drawn by lot: the stripe's accounts and
 * chain are what it locks last, after the wallets, so two transactions never wait for each other.
 */
export class Ledger {
  readonly #database: Database<unknown>;
  readonly #world: World;
  readonly #currencies = new Set<string>();

  constructor(database: Database<unknown>, world: World) {
    this.#database = database;
    this.#world = world;
  }

  /** Makes the platform's accounts of a currency, once; outside of any other transaction. */
  async openCurrency(currency: string): Promise<void> {
    if (this.#currencies.has(currency)) return;
    const ids: string[] = [];
    const kinds: string[] = [];
    for (const kind of platformKinds) {
      for (let stripe = 0; stripe < stripes; stripe += 1) {
        ids.push(platformAccount(kind, { currency, stripe }));
        kinds.push(kind);
      }
    }
    const negative = kinds.map((kind) => mayBeNegative(kind as (typeof platformKinds)[number]));
    await sql`
      insert into accounts (id, organisation_id, kind, currency, may_be_negative)
      select id, '', kind, ${currency}, may_be_negative
      from unnest(${ids}::text[], ${kinds}::text[], ${negative}::boolean[])
        as given (id, kind, may_be_negative)
      on conflict (id) do nothing`.execute(this.#database);
    this.#currencies.add(currency);
  }

  /**
   * Makes one of the platform's accounts where it is missing: a currency that the version before
   * has opened lacks the kinds that came later.
   */
  async openAccount(tx: Executor, { kind, ...place }: PlatformPlace): Promise<void> {
    const id = platformAccount(kind, place);
    await sql`
      insert into accounts (id, organisation_id, kind, currency, may_be_negative)
      values (${id}, '', ${kind}, ${place.currency}, ${mayBeNegative(kind)})
      on conflict (id) do nothing`.execute(tx);
  }

  drawStripe(): number {
    return Math.floor(this.#world.randomness.fraction() * stripes);
  }

  /**
   * Writes the transfers in their order and moves the balances of their accounts, all or none.
   * Throws `store.violation` when an account would go below zero or does not exist.
   */
  async append(
    tx: Executor,
    place: { readonly stripe: number; readonly nowMs: number },
    transfers: readonly NewTransfer[],
  ): Promise<void> {
    if (transfers.length === 0) return;
    const day = periodAt("day", place.nowMs).key;
    const head = await lockChain(tx, day, place.stripe);
    let { hash: last } = head;
    const rows: (TransferRow & { readonly hash: Buffer })[] = [];
    for (const transfer of transfers) {
      const row = this.#toRow(transfer, place.nowMs);
      last = chainHash(last, row);
      rows.push({ ...row, hash: last });
    }
    const column = <Key extends keyof (typeof rows)[number]>(key: Key) => rows.map((r) => r[key]);
    await sql`
      with head as (
        update chain_heads set position = position + ${rows.length}, hash = ${last}
        where day = ${day} and stripe = ${place.stripe}
      )
      insert into transfers (day, stripe, position, id, organisation_id, debit_account,
        credit_account, nanos, kind, reference, note, lots, budgets, at_ms, hash)
      select ${day}, ${place.stripe}, ${head.position}::bigint + ordinality, id, organisation_id,
        debit_account, credit_account, nanos, kind, reference, note, lots, budgets,
        ${BigInt(place.nowMs)}, hash
      from unnest(${column("id")}::text[], ${column("organisation_id")}::text[],
        ${column("debit_account")}::text[], ${column("credit_account")}::text[],
        ${column("nanos")}::bigint[], ${column("kind")}::text[], ${column("reference")}::text[],
        ${column("note")}::text[], ${column("lots")}::text[], ${column("budgets")}::text[],
        ${column("hash")}::bytea[])
        with ordinality as given (id, organisation_id, debit_account, credit_account, nanos, kind,
          reference, note, lots, budgets, hash, ordinality)`.execute(tx);
  }

  #toRow(transfer: NewTransfer, nowMs: number): TransferRow {
    const { lots = [], budgets = [] } = transfer;
    return {
      id: newId(this.#world, "trf"),
      organisation_id: transfer.organisationId,
      debit_account: transfer.debitAccount,
      credit_account: transfer.creditAccount,
      nanos: transfer.nanos,
      kind: transfer.kind,
      reference: transfer.reference,
      note: transfer.note ?? "",
      lots: lots.map(({ lotId, nanos }) => `${lotId}:${nanos}`).join(","),
      budgets: budgets.map(({ budgetId, periodKey }) => `${budgetId}@${periodKey}`).join(","),
      at_ms: BigInt(nowMs),
    };
  }
}

/** Locks the head of a chain, making it when the stripe writes for the first time that day. */
async function lockChain(
  tx: Executor,
  day: string,
  stripe: number,
): Promise<{ readonly position: bigint; readonly hash: Buffer }> {
  const { rows } = await sql<{ position: bigint; hash: Buffer }>`
    insert into chain_heads (day, stripe, position, hash) values (${day}, ${stripe}, 0, '')
    on conflict (day, stripe) do update set position = chain_heads.position
    returning position, hash`.execute(tx);
  const [head = { position: 0n, hash: Buffer.alloc(0) }] = rows;
  if (head.hash.length > 0) return head;
  const before = await sql<{ hash: Buffer }>`
    select hash from chain_heads where stripe = ${stripe} and day < ${day}
    order by day desc limit 1`.execute(tx);
  return { position: 0n, hash: genesisHash(day, stripe, before.rows[0]?.hash) };
}
