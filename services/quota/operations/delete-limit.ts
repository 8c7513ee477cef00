import type { DeleteLimitRequest, Limit } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { deleteLimit } from "../store/limits.ts";
import { readGivenName } from "./read-request.ts";
import { limitToWire } from "./set-limit.ts";

/** Takes a limit away. */
export async function deleteLimitOperation(
  books: Books,
  request: DeleteLimitRequest,
  context: CallContext,
): Promise<MessageInit<Limit>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requirePermission(context, { organisationId, permission: "limits:write" });
  const id = readGivenName("id", request.id);
  const { expectedVersion } = request;
  return limitToWire(await deleteLimit(books, { organisationId, id, expectedVersion }));
}
