/**
 * A limit or budget that lets more through for a time. Nobody has to end it: whoever reads it does
 * so with the time in hand, so it ends on every replica at once, and without any store.
 */
export interface Raise {
  /** What is allowed until then; of a limit or in nanos of a budget. */
  readonly amount: bigint;
  readonly untilMs: number;
  /** A person's or a key's id. */
  readonly by: string;
  readonly reason: string;
}

/** The longest: what is to last longer is no raise but another limit. */
export const raiseMsMax = 366 * 86_400_000;

/** The raise, while it lasts. */
export function raiseAt(raise: Raise | undefined, nowMs: number): Raise | undefined {
  return raise !== undefined && nowMs < raise.untilMs ? raise : undefined;
}

/** What holds now. A raise that the limit itself has overtaken takes nothing away. */
export function amountAt(amount: bigint, raise: Raise | undefined, nowMs: number): bigint {
  const running = raiseAt(raise, nowMs);
  return running !== undefined && running.amount > amount ? running.amount : amount;
}

/** True when a raise ended between the two times: what was granted by it is granted no more. */
export function hasEndedSince(
  raise: Raise | undefined,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): boolean {
  return raise !== undefined && sinceMs < raise.untilMs && raise.untilMs <= nowMs;
}
