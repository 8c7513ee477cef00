import type {
  RenderStatementRequest,
  RenderStatementResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { statementCsv } from "../statement/statement-csv.ts";
import { statementPdf } from "../statement/statement-pdf.ts";
import { statementFor } from "./get-statement.ts";

/** The statement as a file for people (PDF) or for programs (CSV). */
export async function renderStatement(
  parts: OrdersParts,
  request: RenderStatementRequest,
  context: CallContext,
): Promise<MessageInit<RenderStatementResponse>> {
  const { format } = request;
  if (format !== "csv" && format !== "pdf") throw ordersFaults.malformed();
  const statement = await statementFor(parts, request, context);
  const fileName = `statement-${statement.month}.${format}`;
  if (format === "csv") {
    const content = new TextEncoder().encode(statementCsv(statement));
    return { content, mediaType: "text/csv; charset=utf-8", fileName };
  }
  const now = new Date(parts.database.world.clock.nowMs());
  const content = new Uint8Array(await statementPdf(statement, now));
  return { content, mediaType: "application/pdf", fileName };
}
