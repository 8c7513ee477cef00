import type {
  WatchRevocationsRequest,
  WatchRevocationsResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { AuthParts } from "../parts.ts";

/** Keeps this much of the caller's deadline for the answer's way back. */
const returnMs = 50;

/** Long poll. Throws `auth.feed_lost` rather than say "nothing new" without knowing it. */
export async function watchRevocations(
  { revocations }: AuthParts,
  request: WatchRevocationsRequest,
  context: CallContext,
): Promise<MessageInit<WatchRevocationsResponse>> {
  requirePlatform(context);
  const patienceMs = Math.max(0, context.remainingMs() - returnMs);
  const news = await revocations.watch(request.afterSequence, {
    waitMs: Math.min(request.waitMs, patienceMs),
    onAbandon: (run) => context.onAbandon(run),
  });
  return {
    sequence: news.sequence,
    reset: news.reset,
    degraded: news.isDegraded,
    revocations: news.revocations.map(({ sequence, key_id, session_id }) => ({
      sequence,
      keyId: key_id,
      sessionId: session_id,
    })),
  };
}
