import type { TokenPrice } from "../core/money/charge.ts";
import type { TokenUsage } from "../core/money/token-usage.ts";

/** How a request ended, as far as money goes. `refused` is told for statistics: no money moves. */
export type SettlementOutcome = "complete" | "partial" | "failed" | "cached" | "refused";

/** How a call went, for statistics; passed on by quota together with what was charged. */
export interface CallDetail {
  readonly endpoint: string;
  /** Of HTTP; 499 when the client left. */
  readonly status: number;
  readonly durationMs: number;
  /** 0: no token came. */
  readonly firstTokenMs: number;
  readonly isStream: boolean;
  /** What the upstream takes is known. */
  readonly isUpstreamKnown: boolean;
  /** What it was charged by; absent where there is no price. */
  readonly price: TokenPrice | undefined;
  /** Calls that this stands for; 1 but for refused ones. */
  readonly requests: number;
}

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
  readonly detail: CallDetail;
}

/**
 * The journal's form of a settlement: a JSON list whose order is its version's. What was added at
 * its end since is passed over by versions that do not know it.
 */
const formVersion = 1;

export function encodeSettlement(settlement: Settlement): Buffer {
  const { usage, detail } = settlement;
  const { price } = detail;
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
      detail.endpoint,
      detail.status,
      Math.round(detail.durationMs),
      Math.round(detail.firstTokenMs),
      (detail.isStream ? 1 : 0) + (detail.isUpstreamKnown ? 2 : 0),
      detail.requests,
      price === undefined
        ? ""
        : `${price.inputNanos}/${price.cachedInputNanos}/${price.outputNanos}`,
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
    detail: decodeDetail(fields),
  };
}

/** Of a version before this one nothing is known but that it was one call. */
function decodeDetail(fields: readonly unknown[]): CallDetail {
  const count = (index: number): number => Number(fields[index] ?? 0);
  const [inputNanos, cachedInputNanos, outputNanos] = String(fields[27] ?? "").split("/");
  return {
    endpoint: String(fields[21] ?? ""),
    status: count(22),
    durationMs: count(23),
    firstTokenMs: count(24),
    isStream: (count(25) & 1) !== 0,
    isUpstreamKnown: (count(25) & 2) !== 0,
    requests: count(26) || 1,
    price:
      inputNanos === undefined || cachedInputNanos === undefined || outputNanos === undefined
        ? undefined
        : {
            inputNanos: BigInt(inputNanos),
            cachedInputNanos: BigInt(cachedInputNanos),
            outputNanos: BigInt(outputNanos),
          },
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
