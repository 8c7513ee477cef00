import type { BudgetPeriod } from "../core/budget-period.ts";
import type { LimitSource } from "../core/slice.ts";
import { narrowestField, type SubjectField } from "../core/subject.ts";
import { isWarnedOf, usedPercent } from "../core/thresholds.ts";
import type { RunningBudget } from "./budget-rows.ts";

/** A budget of which answers are to say how far it is spent. */
export interface BudgetMark {
  readonly source: SubjectField | "organisation";
  readonly period: BudgetPeriod;
  readonly usedPercent: number;
  readonly isSoft: boolean;
}

/** No answer carries more. */
const marksMax = 4;

/** Those with a threshold reached, the fullest first. */
export function budgetMarks(budgets: readonly RunningBudget[]): readonly BudgetMark[] {
  return budgets
    .map((budget) => ({
      source: narrowestField(budget.subject),
      period: budget.period,
      usedPercent: usedPercent(budget.spentNanos, budget.inForceNanos),
      isSoft: budget.isSoft,
      warnAt: budget.warnAt,
    }))
    .filter(({ warnAt, usedPercent: used }) => isWarnedOf(warnAt, used))
    .sort((left, right) => right.usedPercent - left.usedPercent)
    .slice(0, marksMax)
    .map(({ warnAt: _, ...mark }) => mark);
}

/** What a holder is answered when it opens or renews a lease. */
export interface LeaseAnswer {
  readonly grantedNanos: bigint;
  readonly validMs: number;
  readonly currency: string;
  /** What fell short; undefined when everything needed was granted. */
  readonly limitSource: LimitSource | undefined;
  readonly resetsAtMs: number;
  readonly availableNanos: bigint;
  readonly scopedBy: readonly SubjectField[];
  readonly isSuperseded: boolean;
  readonly isScarce: boolean;
  /** Others were told to give back what they have in stock: ask again in a moment. */
  readonly isCallingIn: boolean;
  readonly marks: readonly BudgetMark[];
}

/** Amounts as text, since JSON has no integers of 64 bits. */
type Encoded = Omit<LeaseAnswer, "grantedNanos" | "availableNanos" | "marks" | "isCallingIn"> & {
  readonly isCallingIn?: boolean;
  readonly marks?: readonly BudgetMark[];
  readonly grantedNanos: string;
  readonly availableNanos: string;
};

/** An answer as it is kept with its lease, to be given again when the call is repeated. */
export function encodeAnswer(answer: LeaseAnswer): string {
  const encoded: Encoded = {
    ...answer,
    grantedNanos: String(answer.grantedNanos),
    availableNanos: String(answer.availableNanos),
  };
  return JSON.stringify(encoded);
}

export function decodeAnswer(text: string): LeaseAnswer {
  const encoded = JSON.parse(text) as Encoded;
  return {
    ...encoded,
    // One that the version before has kept has neither.
    isCallingIn: encoded.isCallingIn ?? false,
    marks: encoded.marks ?? [],
    limitSource: encoded.limitSource,
    grantedNanos: BigInt(encoded.grantedNanos),
    availableNanos: BigInt(encoded.availableNanos),
  };
}
