import { type Raise, raiseMsMax } from "../core/raise.ts";
import type { Setter } from "../core/subject.ts";
import { faults } from "../faults.ts";

/** A raise as limits and budgets carry it. */
export interface RaiseColumns {
  readonly raise_amount: bigint | null;
  readonly raise_until_ms: bigint | null;
  readonly raise_by: string;
  readonly raise_reason: string;
}

/** What is asked for; `untilMs` of 0 ends a raise. */
export interface RaiseChange {
  readonly organisationId: string;
  readonly id: string;
  readonly amount: bigint;
  readonly untilMs: number;
  readonly by: string;
  readonly reason: string;
  /** The version that was read; 0 for any. */
  readonly expectedVersion: bigint;
  /** Who raises it: nobody raises what another has set. */
  readonly setBy: Setter;
}

export function toRaise(row: RaiseColumns): Raise | undefined {
  if (row.raise_amount === null || row.raise_until_ms === null) return undefined;
  const { raise_amount: amount, raise_by: by, raise_reason: reason } = row;
  return { amount, untilMs: Number(row.raise_until_ms), by, reason };
}

/** What the columns become. Throws `quota.locked`, `quota.version_mismatch`, `quota.malformed`. */
export function raiseOf(
  change: RaiseChange,
  found: {
    readonly setBy: Setter;
    readonly amount: bigint;
    readonly version: bigint;
    readonly raise: Raise | undefined;
    readonly nowMs: number;
  },
): Raise | undefined {
  const { expectedVersion, untilMs, amount, by, reason } = change;
  const { nowMs } = found;
  if (found.setBy !== change.setBy) throw faults.locked();
  if (expectedVersion !== 0n && expectedVersion !== found.version) throw faults.version_mismatch();
  // Ended, not forgotten: what was leased by it has to end, too.
  if (untilMs === 0) {
    return found.raise && { ...found.raise, untilMs: Math.min(found.raise.untilMs, nowMs) };
  }
  if (untilMs <= nowMs || untilMs > nowMs + raiseMsMax) {
    throw faults.malformed({
      publicMessage: "A raise ends in the future, and within a year: what is to last is no raise.",
    });
  }
  if (amount <= found.amount) {
    throw faults.malformed({ publicMessage: "A raise allows more than what it raises." });
  }
  return { amount, untilMs, by, reason };
}
