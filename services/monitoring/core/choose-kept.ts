/** What is kept of a batch when there is more than may be written: the failed and the slow first. */
export interface Keepable {
  readonly outcome: string;
  readonly durationMs: number;
}

export interface KeepBudget {
  /** Ordinary records that may still be written in this second. */
  readonly remaining: number;
  readonly slowMs: number;
}

/** Always every failed or slow record; of the others at most `remaining`, the earliest ones. */
export function chooseKept<Record extends Keepable>(
  records: readonly Record[],
  { remaining, slowMs }: KeepBudget,
): readonly Record[] {
  let left = remaining;
  return records.filter((record) => {
    const isOrdinary =
      (record.outcome === "complete" || record.outcome === "cached") && record.durationMs < slowMs;
    if (!isOrdinary) return true;
    left -= 1;
    return left >= 0;
  });
}
