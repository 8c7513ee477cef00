import { type Executor, sql } from "@tandem/libs/store";
import { type Spent, startOfMonthMs } from "../core/burn.ts";
import { byOrderOfUse, type CreditKind, type Lot } from "../core/lots.ts";
import { netSettlements } from "./give-backs.ts";

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;

/** What was charged lately, by when requests were made. */
export async function readSpent(
  executor: Executor,
  { organisationId, nowMs }: { readonly organisationId: string; readonly nowMs: number },
): Promise<Spent> {
  const monthMs = startOfMonthMs(nowMs);
  const { rows } = await sql<{ day: bigint; week: bigint; month: bigint; first: bigint | null }>`
    select
      coalesce(sum(charged_nanos) filter (where at_ms >= ${nowMs - dayMs}), 0)::bigint as day,
      coalesce(sum(charged_nanos) filter (where at_ms >= ${nowMs - weekMs}), 0)::bigint as week,
      coalesce(sum(charged_nanos) filter (where at_ms >= ${monthMs}), 0)::bigint as month,
      min(at_ms) filter (where at_ms >= ${nowMs - weekMs} and charged_nanos > 0) as first
    from ${netSettlements(organisationId)} as settled
    where at_ms >= ${Math.min(nowMs - weekMs, monthMs)}`.execute(executor);
  const row = rows[0];
  const first = row?.first ?? null;
  return {
    dayNanos: row?.day ?? 0n,
    weekNanos: row?.week ?? 0n,
    monthNanos: row?.month ?? 0n,
    firstAtMs: first === null ? undefined : Number(first),
  };
}

export interface ShownLot extends Lot {
  readonly grantedNanos: bigint;
  readonly reason: string;
  readonly createdAtMs: number;
}

/** Credit with something left of it, in the order in which it is used. */
export async function readLots(
  executor: Executor,
  organisationId: string,
): Promise<readonly ShownLot[]> {
  const { rows } = await sql<{
    id: string;
    kind: CreditKind;
    granted_nanos: bigint;
    remaining_nanos: bigint;
    expires_at_ms: bigint | null;
    reason: string;
    created_at_ms: bigint;
  }>`
    select id, kind, granted_nanos, remaining_nanos, expires_at_ms, reason, created_at_ms from lots
    where organisation_id = ${organisationId} and remaining_nanos > 0`.execute(executor);
  return rows
    .map((row) => ({
      id: row.id,
      kind: row.kind,
      grantedNanos: row.granted_nanos,
      remainingNanos: row.remaining_nanos,
      expiresAtMs: row.expires_at_ms === null ? undefined : Number(row.expires_at_ms),
      reason: row.reason,
      createdAtMs: Number(row.created_at_ms),
    }))
    .sort(byOrderOfUse);
}
