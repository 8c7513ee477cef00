/** What a charge that was too high gives back: pure, over what the ledger has taken. */
import type { LotUse } from "./lots.ts";
import type { Tokens } from "./tokens.ts";

/** A budget in the period in which something counts as spent of it. */
export interface BudgetMark {
  readonly budgetId: string;
  readonly periodKey: string;
}

/** What a charge took: its amount, the credit it used, the budgets it counts in. */
export interface Charge {
  readonly nanos: bigint;
  readonly lots: readonly LotUse[];
  readonly budgets: readonly BudgetMark[];
}

/** What goes back of a charge; its lots are those that it goes back to. */
export type Return = Charge;

/** What of one settlement is taken off again. */
export interface GivenBack extends Tokens {
  /** The id under which it is booked. */
  readonly settlementId: string;
  readonly nanos: bigint;
}

/** A settlement that something may be taken off. */
export interface Reducible extends Tokens {
  readonly id: string;
  readonly chargedNanos: bigint;
}

/**
 * Takes amounts off the settlements of a request, the newest first: what is left is what they would
 * have come to had no more been asked.
 */
export function takeOff(
  settlements: readonly Reducible[],
  off: Tokens & { readonly nanos: bigint },
): readonly GivenBack[] {
  const left = { ...off };
  const taken: GivenBack[] = [];
  for (const settlement of settlements.toReversed()) {
    const nanos = left.nanos < settlement.chargedNanos ? left.nanos : settlement.chargedNanos;
    left.nanos -= nanos;
    const tokens = {
      inputTokens: Math.min(left.inputTokens, settlement.inputTokens),
      cachedInputTokens: Math.min(left.cachedInputTokens, settlement.cachedInputTokens),
      outputTokens: Math.min(left.outputTokens, settlement.outputTokens),
      reasoningTokens: Math.min(left.reasoningTokens, settlement.reasoningTokens),
    };
    left.inputTokens -= tokens.inputTokens;
    left.cachedInputTokens -= tokens.cachedInputTokens;
    left.outputTokens -= tokens.outputTokens;
    left.reasoningTokens -= tokens.reasoningTokens;
    const isNothing = nanos === 0n && Object.values(tokens).every((count) => count === 0);
    if (!isNothing) taken.push({ settlementId: settlement.id, nanos, ...tokens });
  }
  return taken;
}

/**
 * The last `nanos` of these charges, to the lots they came from, the last used first: so the credit
 * that is left is what it were if only the rest had been charged. Throws a `RangeError` when the
 * charges come to less.
 */
export function returnsOf(charges: readonly Charge[], nanos: bigint): readonly Return[] {
  const returns: Return[] = [];
  let left = nanos;
  for (const charge of charges.toReversed()) {
    if (left === 0n) break;
    const part = charge.nanos < left ? charge.nanos : left;
    left -= part;
    returns.push({ nanos: part, lots: lastUses(charge.lots, part), budgets: charge.budgets });
  }
  if (left > 0n) throw new RangeError("more is to be given back than was charged");
  return returns;
}

function lastUses(uses: readonly LotUse[], nanos: bigint): readonly LotUse[] {
  const last: LotUse[] = [];
  let left = nanos;
  for (const { lotId, nanos: used } of uses.toReversed()) {
    if (left === 0n) break;
    const part = used < left ? used : left;
    left -= part;
    last.push({ lotId, nanos: part });
  }
  if (left > 0n) throw new RangeError("a charge used less credit than it came to");
  return last;
}
