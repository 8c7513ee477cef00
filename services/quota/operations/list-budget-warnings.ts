import type {
  ListBudgetWarningsRequest,
  ListBudgetWarningsResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { listWarnings } from "../store/warnings.ts";
import { pageOf, readGivenName, readName, readPageSize } from "./read-request.ts";

/** Thresholds of the organisation's budgets that were reached, newest first. */
export async function listBudgetWarningsOperation(
  books: Books,
  request: ListBudgetWarningsRequest,
  context: CallContext,
): Promise<MessageInit<ListBudgetWarningsResponse>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requirePermission(context, { organisationId, permission: "limits:read" });
  const size = readPageSize(request.limit);
  const after = readName("after", request.after);
  const rows = await listWarnings(books.database, { organisationId, limit: size + 1, after });
  const { shown, hasMore } = pageOf(rows, size);
  const warnings = shown.map(({ isSoft: soft, atMs, ...row }) => {
    return { ...row, soft, atMs: BigInt(atMs) };
  });
  return { warnings, hasMore };
}
