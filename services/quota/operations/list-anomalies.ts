import type {
  ListAnomaliesRequest,
  ListAnomaliesResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission, requirePlatform } from "../authority.ts";
import { listAnomalies } from "../store/anomalies.ts";
import type { Books } from "../store/books.ts";
import { pageOf, readName, readPageSize } from "./read-request.ts";

/** Settlements with something wrong about them, newest first; of everybody for the platform only. */
export async function listAnomaliesOperation(
  books: Books,
  request: ListAnomaliesRequest,
  context: CallContext,
): Promise<MessageInit<ListAnomaliesResponse>> {
  const organisationId = readName("organisation_id", request.organisationId);
  if (organisationId === "") requirePlatform(context);
  else requirePermission(context, { organisationId, permission: "ledger:read" });
  const size = readPageSize(request.limit);
  const after = readName("after", request.after);
  const rows = await listAnomalies(books.database, { organisationId, limit: size + 1, after });
  const { shown, hasMore } = pageOf(rows, size);
  return { anomalies: shown.map((row) => ({ ...row, atMs: BigInt(row.atMs) })), hasMore };
}
