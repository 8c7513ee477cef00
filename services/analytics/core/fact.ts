/** What was used: one call that was answered, or several alike that were refused. */

/** What facts agree in that are summed together. */
export interface SeriesFields {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
  readonly upstream: string;
  readonly endpoint: string;
  readonly outcome: string;
  readonly status: number;
  readonly currency: string;
  readonly priceId: string;
  /** Nanos for a million tokens. */
  readonly inputPrice: bigint;
  readonly cachedInputPrice: bigint;
  readonly outputPrice: bigint;
  /** What the upstream takes is known. */
  readonly upstreamKnown: boolean;
}

export interface Fact extends SeriesFields {
  readonly id: string;
  /** Another fact of which this takes something off: where and when that one is, this one counts. */
  readonly corrects?: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly chargedNanos: bigint;
  readonly upstreamNanos: bigint;
  readonly estimated: boolean;
  readonly stream: boolean;
  readonly durationMs: number;
  readonly firstTokenMs: number;
  readonly atMs: number;
  readonly settledAtMs: number;
}

const outcomes = new Set(["complete", "partial", "failed", "cached", "refused"]);
const textMax = 512;
/** The clock of whoever answered may be ahead of the ledger's by this much, … */
const aheadMsMax = 3_600_000;
/** … and a fact may have waited in a journal this long. */
const lateMsMax = 366 * 86_400_000;

/** What is wrong with a fact; undefined when nothing is. */
export function flawOf(fact: Fact): string | undefined {
  if (fact.id === "") return "a fact has no id";
  if (fact.organisationId === "") return "a fact has no organisation";
  if (!outcomes.has(fact.outcome)) return `the outcome "${fact.outcome}" is not known`;
  for (const text of [fact.id, fact.organisationId, ...seriesTexts(fact)]) {
    if (text.length > textMax || text.includes("\0")) return "a name cannot be stored";
  }
  const isCorrection = fact.corrects !== undefined;
  if (fact.chargedNanos < 0n && !isCorrection) return "an amount is negative";
  if (fact.chargedNanos > 0n && isCorrection) return "a correction adds to what was charged";
  if (fact.upstreamNanos < 0n) return "an amount is negative";
  return undefined;
}

/** A fact whose clock cannot be right is dated by the ledger's. */
export function dated(fact: Fact): Fact {
  const { atMs, settledAtMs } = fact;
  const isPlausible = atMs <= settledAtMs + aheadMsMax && atMs >= settledAtMs - lateMsMax;
  return isPlausible ? fact : { ...fact, atMs: settledAtMs };
}

function seriesTexts(fact: SeriesFields): readonly string[] {
  const { projectId, userId, keyId, model, upstream, endpoint, currency, priceId } = fact;
  return [projectId, userId, keyId, model, upstream, endpoint, currency, priceId];
}

/** The same for facts that are summed together, and for no others. */
export function seriesName(fact: SeriesFields): string {
  const { organisationId, outcome, status, inputPrice, cachedInputPrice, outputPrice } = fact;
  const prices = [inputPrice, cachedInputPrice, outputPrice].map(String);
  const known = fact.upstreamKnown ? 1 : 0;
  return JSON.stringify([
    organisationId,
    ...seriesTexts(fact),
    ...[outcome, status, ...prices, known],
  ]);
}
