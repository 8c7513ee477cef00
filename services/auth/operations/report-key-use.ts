import type {
  ReportKeyUseRequest,
  ReportKeyUseResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { AuthParts } from "../parts.ts";

/** Takes the last uses that a gateway has seen; written within 5 s, the latest time wins. */
export async function reportKeyUse(
  { uses, database }: AuthParts,
  request: ReportKeyUseRequest,
  context: CallContext,
): Promise<MessageInit<ReportKeyUseResponse>> {
  requirePlatform(context);
  const nowMs = database.world.clock.nowMs();
  for (const { keyId, lastUsedAtMs } of request.uses) {
    uses.note(keyId, Math.min(Number(lastUsedAtMs), nowMs));
  }
  return {};
}
