/** Calls to the quota service: leases of money and limits, settlements, in its contract's form. */
import type { UsageDetail } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { LimitGrant, LimitKind, WalletCall } from "@tandem/libs/gateway";
import type { MessageInit } from "@tandem/libs/rpc";
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
  };
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
    }),
  );
  return {
    grants,
    validMs: reply.validMs,
    placesValidMs: reply.placesValidMs || reply.validMs,
    isDegraded: reply.degraded,
  };
}

function detailToContract(detail: CallDetail): MessageInit<UsageDetail> {
  const { price } = detail;
  return {
    endpoint: detail.endpoint,
    status: detail.status,
    durationMs: Math.round(detail.durationMs),
    firstTokenMs: Math.round(detail.firstTokenMs),
    stream: detail.isStream,
    upstreamKnown: detail.isUpstreamKnown,
    requests: detail.requests,
    ...(price !== undefined && {
      inputPrice: price.inputNanos,
      cachedInputPrice: price.cachedInputNanos,
      outputPrice: price.outputNanos,
    }),
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
      settlements: settlements.map(({ usage, atMs, detail, ...settlement }) => ({
        ...settlement,
        inputTokens: usage.inputTokens,
        cachedInputTokens: usage.cachedInputTokens,
        outputTokens: usage.outputTokens,
        reasoningTokens: usage.reasoningTokens,
        estimated: usage.isEstimated,
        atMs: BigInt(Math.floor(atMs)),
        detail: detailToContract(detail),
      })),
    },
    { deadlineMs: settleDeadlineMs },
  );
  return { settled: reply.settled, refused: reply.refused };
}
