/** How fast credit goes, and how long it lasts. Amounts are nanos, times milliseconds. */
const dayMs = 86_400_000;
const weekDays = 7n;

export interface Spent {
  readonly dayNanos: bigint;
  readonly weekNanos: bigint;
  readonly monthNanos: bigint;
  /** When the first charge of the last seven days was; undefined when there was none. */
  readonly firstAtMs: number | undefined;
}

export interface Burn {
  readonly perDayNanos: bigint;
  /** Undefined when nothing is spent: for ever. */
  readonly lastsMs: number | undefined;
  readonly monthEndNanos: bigint;
}

/**
 * The average of the last seven days, or of the days since the first charge where those are fewer,
 * at least one: so that a first busy hour is not taken for a busy week.
 */
export function burnOf(
  spent: Spent,
  given: { readonly totalNanos: bigint; readonly nowMs: number },
): Burn {
  const { totalNanos, nowMs } = given;
  const ageDays =
    spent.firstAtMs === undefined ? weekDays : BigInt(Math.ceil((nowMs - spent.firstAtMs) / dayMs));
  const days = ageDays < 1n ? 1n : ageDays > weekDays ? weekDays : ageDays;
  const perDayNanos = spent.weekNanos / days;
  const restOfMonthMs = BigInt(Math.max(0, endOfMonthMs(nowMs) - nowMs));
  return {
    perDayNanos,
    lastsMs: perDayNanos === 0n ? undefined : Number((totalNanos * BigInt(dayMs)) / perDayNanos),
    monthEndNanos: spent.monthNanos + (perDayNanos * restOfMonthMs) / BigInt(dayMs),
  };
}

/** Months of UTC, as budgets have them. */
export function startOfMonthMs(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
}

function endOfMonthMs(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
}
