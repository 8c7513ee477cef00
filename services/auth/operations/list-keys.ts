import type { ListKeysRequest, ListKeysResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { may, requirePermission } from "../authority.ts";
import { keyMessage } from "../messages.ts";
import type { AuthParts } from "../parts.ts";
import { listKeys as listRows } from "../store/keys.ts";

const limitDefault = 20;
const limitMax = 100;

/** Newest first. Who may not see everybody's keys gets its own. */
export async function listKeys(
  { database }: AuthParts,
  { organisationId, projectId, after, limit }: ListKeysRequest,
  context: CallContext,
): Promise<MessageInit<ListKeysResponse>> {
  const seesAll = may(context, "keys:read");
  requirePermission(context, { organisationId, permission: seesAll ? "keys:read" : "keys:own" });
  const size = Math.min(limit || limitDefault, limitMax);
  const rows = await listRows(database, {
    organisationId,
    projectId,
    userId: seesAll ? "" : context.passport.userId || "nobody",
    after,
    limit: size,
  });
  const nowMs = database.world.clock.nowMs();
  return {
    keys: rows.slice(0, size).map((row) => keyMessage(row, nowMs)),
    hasMore: rows.length > size,
  };
}
