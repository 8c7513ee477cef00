import type {
  ExportUsageResponse,
  RenderPurchasesRequest,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireReader } from "../authority.ts";
import { csvRow } from "../core/csv.ts";
import { focusColumns } from "../core/focus.ts";
import { purchaseRows } from "../core/focus-purchase.ts";
import { analyticsFaults } from "../faults.ts";

const purchasesMax = 10_000;

/** What orders say was bought, as rows behind those of usage. */
export function renderPurchases(
  request: RenderPurchasesRequest,
  context: CallContext,
): MessageInit<ExportUsageResponse> {
  const { organisationId, purchases } = request;
  requireReader(context, organisationId);
  if (purchases.length > purchasesMax) {
    throw analyticsFaults.malformed({ publicMessage: "These are too many purchases at once." });
  }
  const rows = purchases.flatMap(({ $typeName: _, atMs, ...purchase }) =>
    purchaseRows({ ...purchase, organisationId, atMs: Number(atMs) }),
  );
  const lines = rows.map((row) => csvRow(focusColumns.map((name) => row[name])));
  return { content: Buffer.from(lines.join("")), next: "", rows: rows.length };
}
