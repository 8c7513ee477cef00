import type { TokenUsage } from "../core/money/token-usage.ts";

/** How a request ended, as far as money goes. */
export type SettlementOutcome = "complete" | "partial" | "failed" | "cached";

/** What one request cost, told once. */
export interface Settlement {
  readonly requestId: string;
  /** Empty when nothing was reserved. */
  readonly leaseId: string;
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
  readonly upstream: string;
  readonly reservedNanos: bigint;
  /** Never above what was reserved. */
  readonly chargedNanos: bigint;
  /** What the upstreams take, over all attempts. */
  readonly upstreamNanos: bigint;
  readonly usage: TokenUsage;
  readonly atMs: number;
  readonly outcome: SettlementOutcome;
  readonly priceId: string;
  readonly currency: string;
}

/** The journal's form of a settlement: a JSON list whose order is its version's. */
const formVersion = 1;

export function encodeSettlement(settlement: Settlement): Buffer {
  const { usage } = settlement;
  return Buffer.from(
    JSON.stringify([
      formVersion,
      settlement.requestId,
      settlement.leaseId,
      settlement.organisationId,
      settlement.projectId,
      settlement.userId,
      settlement.keyId,
      settlement.model,
      settlement.upstream,
      String(settlement.reservedNanos),
      String(settlement.chargedNanos),
      String(settlement.upstreamNanos),
      usage.inputTokens,
      usage.cachedInputTokens,
      usage.outputTokens,
      usage.reasoningTokens,
      usage.isEstimated ? 1 : 0,
      settlement.atMs,
      settlement.outcome,
      settlement.priceId,
      settlement.currency,
    ]),
  );
}

/** Undefined for a record of a form that this version does not know. */
export function decodeSettlement(record: Uint8Array): Settlement | undefined {
  const fields = parseList(record);
  if (fields?.[0] !== formVersion) return undefined;
  const text = (index: number): string => String(fields[index]);
  const count = (index: number): number => Number(fields[index]);
  return {
    requestId: text(1),
    leaseId: text(2),
    organisationId: text(3),
    projectId: text(4),
    userId: text(5),
    keyId: text(6),
    model: text(7),
    upstream: text(8),
    reservedNanos: BigInt(text(9)),
    chargedNanos: BigInt(text(10)),
    upstreamNanos: BigInt(text(11)),
    usage: {
      inputTokens: count(12),
      cachedInputTokens: count(13),
      outputTokens: count(14),
      reasoningTokens: count(15),
      isEstimated: count(16) === 1,
    },
    atMs: count(17),
    outcome: text(18) as SettlementOutcome,
    priceId: text(19),
    currency: text(20),
  };
}

function parseList(record: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(record).toString());
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
