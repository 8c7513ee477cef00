import type {
  LeaseLimitsRequest,
  LeaseLimitsResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { LimitDesk } from "../limit-desk.ts";
import { readCount, readGivenName, readSubject } from "./read-request.ts";

/** How long a gateway may spend what it was granted; unspent tokens are worthless afterwards. */
const validMs = 1_000;

/** Tokens of rate limits and places of concurrency limits, for a gateway to spend by itself. */
export async function leaseLimitsOperation(
  parts: {
    readonly desk: LimitDesk;
    readonly placesValidMs: number;
    readonly sequence: () => bigint;
    readonly nowMs: () => number;
  },
  request: LeaseLimitsRequest,
  context: CallContext,
): Promise<MessageInit<LeaseLimitsResponse>> {
  requirePlatform(context);
  const sequence = parts.sequence();
  const nowMs = parts.nowMs();
  const { grants, isDegraded } = await parts.desk.lease({
    holder: readGivenName("holder", request.holder),
    subject: readSubject(request.subject),
    requestsWanted: readCount("requests_wanted", request.requestsWanted),
    tokensWanted: readCount("tokens_wanted", request.tokensWanted),
    placesWanted: readCount("concurrency_wanted", request.concurrencyWanted),
    returned: new Map(
      request.returned.map(({ limitId, granted }) => [limitId, readCount("granted", granted)]),
    ),
    held: new Map(
      request.held.map(({ limitId, places }) => [limitId, readCount("places", places)]),
    ),
  });
  return {
    grants: grants.map(({ limit, ...figures }) => ({
      limitId: limit.id,
      granted: BigInt(figures.granted),
      limit: BigInt(limit.amount),
      remaining: BigInt(figures.remaining),
      resetMs: figures.resetMs,
      retryAfterMs: figures.retryAfterMs,
      kind: limit.kind,
      subject: limit.subject,
      windowMs: limit.windowMs,
      ...(limit.next !== undefined && {
        raiseEndsInMs: BigInt(Math.max(0, limit.next.atMs - nowMs)),
        limitAfter: BigInt(limit.next.amount),
      }),
    })),
    validMs,
    sequence,
    degraded: isDegraded,
    placesValidMs: parts.placesValidMs,
  };
}
