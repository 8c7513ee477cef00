import { sql } from "@tandem/libs/store";
import { internalTransferKinds } from "../core/account.ts";
import type { Books } from "./books.ts";

export interface WalletBalance {
  /** Empty while the organisation has no wallet. */
  readonly currency: string;
  readonly grantedNanos: bigint;
  readonly purchasedNanos: bigint;
  /** Leased to gateways; part of the two above. */
  readonly heldNanos: bigint;
}

/** What an organisation owns, all figures of the same moment. */
export async function readBalance(books: Books, organisationId: string): Promise<WalletBalance> {
  const { rows } = await sql<{
    currency: string | null;
    granted: bigint;
    purchased: bigint;
    held: bigint;
  }>`
    select
      (select currency from wallets where organisation_id = ${organisationId}) as currency,
      (select coalesce(sum(remaining_nanos), 0)::bigint from lots
        where organisation_id = ${organisationId} and remaining_nanos > 0
          and kind = 'granted') as granted,
      (select coalesce(sum(remaining_nanos), 0)::bigint from lots
        where organisation_id = ${organisationId} and remaining_nanos > 0
          and kind = 'purchased') as purchased,
      (select coalesce(sum(balance), 0)::bigint from accounts
        where organisation_id = ${organisationId} and organisation_id <> ''
          and kind = 'hold') as held`.execute(books.database);
  const [row] = rows;
  return {
    currency: row?.currency ?? "",
    grantedNanos: row?.granted ?? 0n,
    purchasedNanos: row?.purchased ?? 0n,
    heldNanos: row?.held ?? 0n,
  };
}

export interface StatementLine {
  readonly id: string;
  readonly organisationId: string;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly nanos: bigint;
  readonly kind: string;
  readonly reference: string;
  readonly note: string;
  readonly atMs: number;
}

/** Grants, charges and expiries, newest first. `after` is the last id of the page before. */
export async function listTransfers(
  books: Books,
  page: { readonly organisationId: string; readonly limit: number; readonly after: string },
): Promise<readonly StatementLine[]> {
  const { rows } = await sql<{
    id: string;
    organisation_id: string;
    debit_account: string;
    credit_account: string;
    nanos: bigint;
    kind: string;
    reference: string;
    note: string;
    at_ms: bigint;
  }>`
    select id, organisation_id, debit_account, credit_account, nanos, kind, reference, note, at_ms
    from transfers
    where organisation_id = ${page.organisationId}
      and kind not in (${sql.join(internalTransferKinds.map((kind) => sql.lit(kind)))})
      and (${page.after} = '' or id < ${page.after})
    order by id desc limit ${page.limit}`.execute(books.database);
  return rows.map((row) => ({
    id: row.id,
    organisationId: row.organisation_id,
    debitAccount: row.debit_account,
    creditAccount: row.credit_account,
    nanos: row.nanos,
    kind: row.kind,
    reference: row.reference,
    note: row.note,
    atMs: Number(row.at_ms),
  }));
}
