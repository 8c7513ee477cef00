import type {
  ListTransfersRequest,
  ListTransfersResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { listTransfers } from "../store/statements.ts";
import { pageOf, readGivenName, readName, readPageSize } from "./read-request.ts";

/** Grants, charges and expiries of an organisation, newest first. */
export async function listTransfersOperation(
  books: Books,
  request: ListTransfersRequest,
  context: CallContext,
): Promise<MessageInit<ListTransfersResponse>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requirePermission(context, { organisationId, permission: "ledger:read" });
  const size = readPageSize(request.limit);
  const after = readName("after", request.after);
  const rows = await listTransfers(books, { organisationId, limit: size + 1, after });
  const { shown, hasMore } = pageOf(rows, size);
  return { transfers: shown.map((row) => ({ ...row, atMs: BigInt(row.atMs) })), hasMore };
}
