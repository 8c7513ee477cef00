import { type Executor, sql } from "@tandem/libs/store";
import type { LockedWallet } from "./books.ts";
import { recordChange } from "./changes.ts";

/**
 * What the organisation's leases have in stock: neither charged nor carved, by what their holders
 * told last; that of one lease left out. Lock the wallet first.
 */
export async function stockBeside(
  tx: Executor,
  { organisationId, leaseId }: { readonly organisationId: string; readonly leaseId: string },
): Promise<bigint> {
  const { rows } = await sql<{ stock: bigint }>`
    select coalesce(sum(greatest(balance - carved_nanos, 0)), 0)::bigint as stock
    from leases join accounts on accounts.id = 'hold:' || leases.id
    where leases.organisation_id = ${organisationId} and state = 'active'
      and leases.id <> ${leaseId}`.execute(tx);
  return rows[0]?.stock ?? 0n;
}

/** Changes by which holders are called in are this far apart at least. */
const pauseMs = 500;

/**
 * Somebody is short of money: where others have some in stock, they are told to give it back. False
 * where nobody has.
 */
export async function callIn(
  tx: Executor,
  { wallet, leaseId }: { readonly wallet: LockedWallet; readonly leaseId: string },
): Promise<boolean> {
  const { organisationId, nowMs, shortAtMs } = wallet;
  if ((await stockBeside(tx, { organisationId, leaseId })) === 0n) return false;
  if (nowMs - shortAtMs < pauseMs) return true;
  await sql`
    update wallets set short_at_ms = ${nowMs}
    where organisation_id = ${organisationId}`.execute(tx);
  await recordChange(tx, { organisationId, nowMs });
  return true;
}
