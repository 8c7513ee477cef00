import { type Executor, sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { platformAccount, walletAccount } from "../core/account.ts";
import { type CreditKind, expiredParts, type Lot, type LotUse } from "../core/lots.ts";
import { faults } from "../faults.ts";
import { type Books, changeBooks, type LockedWallet, lockWallet } from "./books.ts";
import { recordChange } from "./changes.ts";

export interface Grant {
  readonly organisationId: string;
  readonly nanos: bigint;
  readonly kind: CreditKind;
  /** Milliseconds since 1970; undefined for never. */
  readonly expiresAtMs: number | undefined;
  readonly reason: string;
  readonly idempotencyKey: string;
  readonly currency: string;
}

/**
 * Adds a lot of credit and opens the wallet if there is none. The same key with the same grant
 * changes nothing; with another one it throws `quota.idempotency_conflict`. Throws
 * `quota.currency_mismatch` for a wallet in another currency.
 */
export async function grantCredit(books: Books, grant: Grant): Promise<void> {
  await books.ledger.openCurrency(grant.currency);
  await changeBooks(books, grant.organisationId, (tx) => grantWithin(tx, books, grant));
}

/** The same as part of a transaction; its currency has been opened outside of it. */
export async function grantWithin(tx: Executor, books: Books, grant: Grant): Promise<void> {
  await openWallet(tx, books, grant);
  const wallet = await lockWallet(tx, books, grant.organisationId);
  if (wallet?.currency !== grant.currency) {
    throw faults.currency_mismatch({ detail: `the wallet is in ${wallet?.currency}` });
  }
  if (await wasGranted(tx, grant)) return;
  const lotId = newId(books.world, "grt");
  await sql`
      insert into lots (id, organisation_id, kind, granted_nanos, remaining_nanos, expires_at_ms,
        reason, idempotency_key, created_at_ms)
      values (${lotId}, ${grant.organisationId}, ${grant.kind}, ${grant.nanos}, ${grant.nanos},
        ${grant.expiresAtMs ?? null}, ${grant.reason}, ${grant.idempotencyKey},
        ${wallet.nowMs})`.execute(tx);
  const isGranted = grant.kind === "granted";
  await books.ledger.append(tx, wallet, [
    {
      organisationId: grant.organisationId,
      debitAccount: platformAccount(isGranted ? "grants" : "payments", wallet),
      creditAccount: walletAccount(grant.organisationId),
      nanos: grant.nanos,
      kind: isGranted ? "grant" : "purchase",
      reference: lotId,
      note: grant.reason,
    },
  ]);
  await recordChange(tx, { organisationId: grant.organisationId, nowMs: wallet.nowMs });
}

/** Makes the organisation's wallet in this currency, unless it has one. */
export async function openWallet(
  tx: Executor,
  books: Books,
  wallet: { readonly organisationId: string; readonly currency: string },
): Promise<void> {
  await sql`
    with opened as (
      insert into wallets (organisation_id, currency, created_at_ms)
      values (${wallet.organisationId}, ${wallet.currency}, ${books.clock()})
      on conflict do nothing returning organisation_id, currency
    )
    insert into accounts (id, organisation_id, kind, currency, may_be_negative)
    select 'wallet:' || organisation_id, organisation_id, 'wallet', currency, false
    from opened`.execute(tx);
}

async function wasGranted(tx: Executor, grant: Grant): Promise<boolean> {
  const { rows } = await sql<{ kind: string; nanos: bigint; expires_at_ms: bigint | null }>`
    select kind, granted_nanos as nanos, expires_at_ms from lots
    where organisation_id = ${grant.organisationId}
      and idempotency_key = ${grant.idempotencyKey}`.execute(tx);
  const [lot] = rows;
  if (lot === undefined) return false;
  const expiresAtMs = lot.expires_at_ms === null ? undefined : Number(lot.expires_at_ms);
  const isSame =
    lot.kind === grant.kind && lot.nanos === grant.nanos && expiresAtMs === grant.expiresAtMs;
  if (!isSame) throw faults.idempotency_conflict();
  return true;
}

/** The lots of these organisations with something left. Lock their wallets first. */
export async function findLots(
  executor: Executor,
  organisationIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Lot[]>> {
  const { rows } = await sql<{
    organisation_id: string;
    id: string;
    kind: CreditKind;
    remaining_nanos: bigint;
    expires_at_ms: bigint | null;
  }>`
    select organisation_id, id, kind, remaining_nanos, expires_at_ms from lots
    where organisation_id = any(${organisationIds}::text[]) and remaining_nanos > 0`.execute(
    executor,
  );
  const byOrganisation = new Map<string, Lot[]>();
  for (const row of rows) {
    const lots = byOrganisation.get(row.organisation_id) ?? [];
    byOrganisation.set(row.organisation_id, lots);
    lots.push({
      id: row.id,
      kind: row.kind,
      remainingNanos: row.remaining_nanos,
      expiresAtMs: row.expires_at_ms === null ? undefined : Number(row.expires_at_ms),
    });
  }
  return byOrganisation;
}

/** Takes what charges or expiry used out of the lots. */
export async function useLots(tx: Executor, uses: readonly LotUse[]): Promise<void> {
  const sums = new Map<string, bigint>();
  for (const { lotId, nanos } of uses) sums.set(lotId, (sums.get(lotId) ?? 0n) + nanos);
  if (sums.size === 0) return;
  await sql`
    update lots set remaining_nanos = remaining_nanos - used.nanos
    from unnest(${[...sums.keys()]}::text[], ${[...sums.values()]}::bigint[]) as used (id, nanos)
    where lots.id = used.id`.execute(tx);
}

/**
 * Books out the credit of a locked wallet that has run out of time; how much. What is held for
 * requests under way does not expire before it comes back.
 */
export async function expireCredit(
  tx: Executor,
  books: Books,
  wallet: LockedWallet,
): Promise<bigint> {
  const { organisationId, nowMs } = wallet;
  if (!wallet.hasExpired) return 0n;
  const lots = (await findLots(tx, [organisationId])).get(organisationId) ?? [];
  const total = lots.reduce((sum, { remainingNanos }) => sum + remainingNanos, 0n);
  const parts = expiredParts(lots, { nowMs, heldNanos: total - wallet.availableNanos });
  if (parts.length === 0) return 0n;
  await useLots(tx, parts);
  await books.ledger.append(
    tx,
    wallet,
    parts.map((part) => ({
      organisationId,
      debitAccount: walletAccount(organisationId),
      creditAccount: platformAccount("expired", wallet),
      nanos: part.nanos,
      kind: "expiry" as const,
      reference: part.lotId,
      lots: [part],
    })),
  );
  return parts.reduce((sum, { nanos }) => sum + nanos, 0n);
}
