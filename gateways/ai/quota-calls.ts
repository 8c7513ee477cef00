/** Calls to the quota service: leases of money and limits, settlements, in its contract's form. */
import type {
  BudgetMark,
  UsageDetail,
  Settlement as WireSettlement,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { LimitGrant, LimitKind, WalletCall } from "@tandem/libs/gateway";
import type { Clients } from "./clients.ts";
import type { LimitCall, LimitReply } from "./limits/organisation-limits.ts";
import type { CallDetail, Settlement } from "./money/settlement.ts";
import type { SettleReply } from "./money/settler.ts";
import type { Payer, WalletReply } from "./money/wallet-line.ts";

const leaseDeadlineMs = 1_500;
const settleDeadlineMs = 10_000;

export interface Holder {
  /** `ai-1`: the same in every life. */
  readonly id: string;
  /** Of this life. */
  readonly incarnation: string;
}

export async function callWallet(
  { quota }: Pick<Clients, "quota">,
  holder: Holder,
  { payer, call }: { readonly payer: Payer; readonly call: WalletCall },
): Promise<WalletReply> {
  const reply = await quota.leaseWallet(
    {
      holder: holder.id,
      incarnation: holder.incarnation,
      ...payer,
      leaseId: call.leaseId,
      call: call.number,
      neededNanos: call.neededNanos,
      leastNanos: call.leastNanos,
      carvedNanos: call.carvedNanos,
      returnedNanos: call.returnedNanos,
      keptNanos: call.keptNanos,
      ...(call.ceilingNanos === undefined ? {} : { ceilingNanos: call.ceilingNanos }),
    },
    { deadlineMs: leaseDeadlineMs },
  );
  return {
    grantedNanos: reply.grantedNanos,
    validMs: reply.validMs,
    currency: reply.currency,
    limitSource: reply.limitSource,
    resetsAtMs: Number(reply.resetsAtMs),
    scopedBy: reply.scopedBy,
    isSuperseded: reply.superseded,
    isScarce: reply.scarce,
    isCallingIn: reply.callingIn,
    warning: reply.warnings.map(warningText).join(", "),
  };
}

/** `project month 83%`, and `(soft)` where nothing is refused for it. */
function warningText({ source, period, usedPercent, soft }: BudgetMark): string {
  return `${source} ${period} ${usedPercent}%${soft ? " (soft)" : ""}`;
}

export async function callLimits(
  { quota }: Pick<Clients, "quota">,
  holder: Holder,
  call: LimitCall,
): Promise<LimitReply> {
  const reply = await quota.leaseLimits(
    {
      holder: holder.id,
      subject: call.payer,
      requestsWanted: BigInt(call.requestsWanted),
      tokensWanted: BigInt(call.tokensWanted),
      concurrencyWanted: BigInt(call.placesWanted),
      returned: [...call.returned].map(([limitId, granted]) => ({
        limitId,
        granted: BigInt(granted),
      })),
      held: [...call.held].map(([limitId, places]) => ({ limitId, places: BigInt(places) })),
    },
    { deadlineMs: leaseDeadlineMs },
  );
  const grants = reply.grants.map(
    (grant): LimitGrant => ({
      limitId: grant.limitId,
      kind: grant.kind as LimitKind,
      granted: Number(grant.granted),
      limit: Number(grant.limit),
      remaining: Number(grant.remaining),
      resetMs: grant.resetMs,
      retryAfterMs: grant.retryAfterMs,
      windowMs: grant.windowMs,
      ...(grant.raiseEndsInMs > 0n && {
        raise: { endsInMs: Number(grant.raiseEndsInMs), limitAfter: Number(grant.limitAfter) },
      }),
    }),
  );
  return {
    grants,
    validMs: reply.validMs,
    placesValidMs: reply.placesValidMs || reply.validMs,
    isDegraded: reply.degraded,
  };
}

/**
 * Settlements are the one message that every call makes, so they are written out as finished
 * messages: made field by field by the library, each took several KiB of memory.
 */
function settlementToContract(settlement: Settlement): WireSettlement {
  const { usage } = settlement;
  return {
    $typeName: "tandem.quota.v1.Settlement",
    requestId: settlement.requestId,
    leaseId: settlement.leaseId,
    organisationId: settlement.organisationId,
    projectId: settlement.projectId,
    userId: settlement.userId,
    keyId: settlement.keyId,
    model: settlement.model,
    upstream: settlement.upstream,
    reservedNanos: settlement.reservedNanos,
    chargedNanos: settlement.chargedNanos,
    upstreamNanos: settlement.upstreamNanos,
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    outputTokens: usage.outputTokens,
    reasoningTokens: usage.reasoningTokens,
    atMs: BigInt(Math.floor(settlement.atMs)),
    outcome: settlement.outcome,
    estimated: usage.isEstimated,
    priceId: settlement.priceId,
    currency: settlement.currency,
    detail: detailToContract(settlement.detail),
  };
}

function detailToContract(detail: CallDetail): UsageDetail {
  const { price } = detail;
  return {
    $typeName: "tandem.quota.v1.UsageDetail",
    endpoint: detail.endpoint,
    status: detail.status,
    durationMs: Math.round(detail.durationMs),
    firstTokenMs: Math.round(detail.firstTokenMs),
    stream: detail.isStream,
    upstreamKnown: detail.isUpstreamKnown,
    inputPrice: price?.inputNanos ?? 0n,
    cachedInputPrice: price?.cachedInputNanos ?? 0n,
    outputPrice: price?.outputNanos ?? 0n,
    requests: detail.requests,
  };
}

export async function callSettle(
  { quota }: Pick<Clients, "quota">,
  holder: Holder,
  settlements: readonly Settlement[],
): Promise<SettleReply> {
  const reply = await quota.settle(
    {
      holder: holder.id,
      settlements: settlements.map(settlementToContract),
    },
    { deadlineMs: settleDeadlineMs },
  );
  return { settled: reply.settled, refused: reply.refused };
}
