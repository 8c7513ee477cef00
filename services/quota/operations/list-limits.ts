import type {
  ListLimitsRequest,
  ListLimitsResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { LimitBoard } from "../limit-board.ts";
import { readGivenName } from "./read-request.ts";
import { limitToWire } from "./set-limit.ts";

/** All limits of an organisation, the platform's defaults among them (version 0). */
export async function listLimitsOperation(
  limits: LimitBoard,
  request: ListLimitsRequest,
  context: CallContext,
): Promise<MessageInit<ListLimitsResponse>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requirePermission(context, { organisationId, permission: "limits:read" });
  return { limits: (await limits.readLimits(organisationId)).map(limitToWire) };
}
