/** Budgets start anew each day or month of UTC, or never. */
export const budgetPeriods = ["day", "month", "total"] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** One stretch of time that a budget is counted in. */
export interface PeriodSpan {
  /** `2026-11-22`, `2026-11` or `total`. */
  readonly key: string;
  readonly startsAtMs: number;
  /** 0 for `total`, which never ends. */
  readonly endsAtMs: number;
}

export function isBudgetPeriod(text: string): text is BudgetPeriod {
  return (budgetPeriods as readonly string[]).includes(text);
}

export function periodAt(period: BudgetPeriod, nowMs: number): PeriodSpan {
  if (period === "total") return { key: "total", startsAtMs: 0, endsAtMs: 0 };
  const now = new Date(nowMs);
  const year = now.getUTCFullYear();
  const month = now.getUTCMonth();
  if (period === "month") {
    const startsAtMs = Date.UTC(year, month);
    const key = new Date(startsAtMs).toISOString().slice(0, 7);
    return { key, startsAtMs, endsAtMs: Date.UTC(year, month + 1) };
  }
  const startsAtMs = Date.UTC(year, month, now.getUTCDate());
  const key = new Date(startsAtMs).toISOString().slice(0, 10);
  return { key, startsAtMs, endsAtMs: Date.UTC(year, month, now.getUTCDate() + 1) };
}
