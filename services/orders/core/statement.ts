/** A month's statement: what was paid and paid back, line by line, and what it comes to. Pure. */
export interface StatementLine {
  readonly atMs: number;
  readonly kind: "order" | "refund";
  readonly reference: string;
  readonly orderId: string;
  readonly description: string;
  readonly quantity: number;
  /** Negative for refunds, as are the next two. */
  readonly netNanos: bigint;
  readonly taxNanos: bigint;
  readonly totalNanos: bigint;
  readonly currency: string;
  readonly creditNanos: bigint;
  readonly creditCurrency: string;
}

export interface StatementTotal {
  readonly currency: string;
  readonly netNanos: bigint;
  readonly taxNanos: bigint;
  readonly totalNanos: bigint;
}

export interface Statement {
  readonly organisationId: string;
  /** `2026-11`, in UTC. */
  readonly month: string;
  readonly lines: readonly StatementLine[];
  readonly totals: readonly StatementTotal[];
  readonly isPreliminary: boolean;
}

export interface Month {
  readonly name: string;
  readonly startMs: number;
  /** Of the month after. */
  readonly endMs: number;
}

/** `2026-11` → its bounds in UTC; undefined for what is no month of this or the next century. */
export function parseMonth(text: string): Month | undefined {
  const match = /^(20\d\d|21\d\d)-(0[1-9]|1[0-2])$/.exec(text);
  if (match === null) return undefined;
  const [year, month] = [Number(match[1]), Number(match[2]) - 1];
  return { name: text, startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}

/** In the order of time, what is of one moment by its reference. */
export function inOrder(lines: readonly StatementLine[]): readonly StatementLine[] {
  return [...lines].sort(
    (left, right) => left.atMs - right.atMs || (left.reference < right.reference ? -1 : 1),
  );
}

export function totalsOf(lines: readonly StatementLine[]): readonly StatementTotal[] {
  const byCurrency = new Map<string, StatementTotal>();
  for (const { currency, netNanos, taxNanos, totalNanos } of lines) {
    const sum = byCurrency.get(currency);
    byCurrency.set(currency, {
      currency,
      netNanos: (sum?.netNanos ?? 0n) + netNanos,
      taxNanos: (sum?.taxNanos ?? 0n) + taxNanos,
      totalNanos: (sum?.totalNanos ?? 0n) + totalNanos,
    });
  }
  return [...byCurrency.values()].sort((left, right) => (left.currency < right.currency ? -1 : 1));
}
