/** What a request that is in the books already makes of one more settlement of it: pure. */
import type { Reducible } from "./give-back.ts";
import { completeOutcome, type Settlement } from "./settlement.ts";
import type { Tokens } from "./tokens.ts";

/** A settlement in the books, less what was given back of it. */
export interface Booked extends Reducible {
  readonly askedNanos: bigint;
  readonly outcome: string;
}

/** Every settlement of one request, in the order in which they were booked. */
export interface Settled {
  readonly organisationId: string;
  readonly settlements: readonly Booked[];
}

/**
 * What a further settlement of a request is to the books.
 * - `booked`: the same once more, or a part of what is booked.
 * - `more`: what it asks for beyond them is to be booked, under an id of its own, and what they
 *   have taken beyond it is to be given back.
 * - `conflict`: it contradicts them.
 */
export type AgainVerdict =
  | { readonly kind: "booked" }
  | { readonly kind: "more"; readonly rest: Settlement; readonly off: Off }
  | { readonly kind: "conflict" };

/** What is to be taken off what is booked. */
export interface Off extends Tokens {
  readonly nanos: bigint;
}

/** An answer is gone on with eight times at most; each time may leave a settlement. */
export const restsMax = 8;

/** The ids under which the rests of a request are booked, in their order. */
export function restIdsOf(requestId: string): readonly string[] {
  return Array.from({ length: restsMax }, (_, at) => `${requestId}+rest${at === 0 ? "" : at + 1}`);
}

/**
 * A request can be settled by several replicas of a gateway: one whose connection to the router
 * broke takes its client for gone and settles what it had given, and the one that goes on settles
 * all of it. In whatever order they come, the largest part is what was delivered, until one is of
 * the whole answer: that is what the client was told, and what it pays in the end. A part that asks
 * for more has estimated too much; what it was charged beyond goes back.
 */
export function judgeAgain(earlier: Settled, settlement: Settlement): AgainVerdict {
  if (earlier.organisationId !== settlement.organisationId) return { kind: "conflict" };
  const { settlements } = earlier;
  const isWhole = settlement.outcome === completeOutcome;
  const wasWhole = settlements.some(({ outcome }) => outcome === completeOutcome);
  const askedNanos = settlements.reduce((sum, { askedNanos: asked }) => sum + asked, 0n);
  const isFirstWhole = isWhole && !wasWhole;
  if (wasWhole && !isWhole) return { kind: "booked" };
  if (!isFirstWhole && settlement.chargedNanos <= askedNanos) return { kind: "booked" };
  const restId = restIdsOf(settlement.requestId)[settlements.length - 1];
  if (restId === undefined) return { kind: "conflict" };
  const tokens = tokensOf(settlements);
  const rest = {
    ...settlement,
    ...mapTokens((field) => Math.max(0, settlement[field] - tokens[field])),
    isRest: true,
    requestId: restId,
  };
  if (!isFirstWhole) {
    return {
      kind: "more",
      rest: { ...rest, chargedNanos: settlement.chargedNanos - askedNanos },
      off: nothingOff,
    };
  }
  // Of the whole answer counts what was taken, not what was asked for: a part may have come short.
  const takenNanos = settlements.reduce((sum, { chargedNanos }) => sum + chargedNanos, 0n);
  const { chargedNanos, reservedNanos } = settlement;
  const dueNanos = chargedNanos < reservedNanos ? chargedNanos : reservedNanos;
  return {
    kind: "more",
    rest: {
      ...rest,
      chargedNanos: notBelowZero(chargedNanos - takenNanos),
      reservedNanos: notBelowZero(reservedNanos - takenNanos),
    },
    off: {
      nanos: notBelowZero(takenNanos - dueNanos),
      ...mapTokens((field) => Math.max(0, tokens[field] - settlement[field])),
    },
  };
}

function mapTokens(count: (field: keyof Tokens) => number): Tokens {
  return {
    inputTokens: count("inputTokens"),
    cachedInputTokens: count("cachedInputTokens"),
    outputTokens: count("outputTokens"),
    reasoningTokens: count("reasoningTokens"),
  };
}

function tokensOf(settlements: readonly Tokens[]): Tokens {
  return mapTokens((field) => settlements.reduce((sum, one) => sum + one[field], 0));
}

const nothingOff: Off = { nanos: 0n, ...mapTokens(() => 0) };

function notBelowZero(nanos: bigint): bigint {
  return nanos > 0n ? nanos : 0n;
}
