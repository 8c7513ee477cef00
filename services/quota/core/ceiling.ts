/**
 * What the platform has set stands above what an organisation sets for itself. Both are in force,
 * so nothing an organisation sets lets more through; that it cannot even say so is for people.
 */
import type { BudgetPeriod } from "./budget-period.ts";
import type { LimitKind } from "./limit.ts";
import { appliesTo, type Subject } from "./subject.ts";

export interface RateRule {
  readonly subject: Subject;
  readonly kind: LimitKind;
  readonly amount: bigint;
  readonly windowMs: number;
}

export interface SpendRule {
  readonly subject: Subject;
  readonly period: BudgetPeriod;
  readonly nanos: bigint;
}

const lengthOf: Readonly<Record<BudgetPeriod, number>> = { day: 1, month: 2, total: 3 };

/** The ceiling that a limit would exceed, rates of different windows compared by their speed. */
export function ceilingBelow<Ceiling extends RateRule>(
  own: RateRule,
  ceilings: readonly Ceiling[],
): Ceiling | undefined {
  return ceilings.find((ceiling) => {
    if (ceiling.kind !== own.kind || !appliesTo(ceiling.subject, own.subject)) return false;
    if (own.kind === "concurrency") return own.amount > ceiling.amount;
    return own.amount * BigInt(ceiling.windowMs) > ceiling.amount * BigInt(own.windowMs);
  });
}

/** The ceiling that a budget would exceed: one of the same period, or of a longer one. */
export function spendCeilingBelow<Ceiling extends SpendRule>(
  own: SpendRule,
  ceilings: readonly Ceiling[],
): Ceiling | undefined {
  return ceilings.find(
    (ceiling) =>
      lengthOf[own.period] <= lengthOf[ceiling.period] &&
      appliesTo(ceiling.subject, own.subject) &&
      own.nanos > ceiling.nanos,
  );
}
