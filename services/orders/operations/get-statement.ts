import type {
  GetStatementRequest,
  Statement as StatementMessage,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { parseMonth, type Statement } from "../core/statement.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { readStatement } from "../store/read-statement.ts";

/** A month's payments and refunds; preliminary while the month lasts. */
export async function getStatement(
  parts: OrdersParts,
  request: GetStatementRequest,
  context: CallContext,
): Promise<MessageInit<StatementMessage>> {
  const statement = await statementFor(parts, request, context);
  return {
    organisationId: statement.organisationId,
    month: statement.month,
    lines: statement.lines.map(({ atMs, ...line }) => ({ ...line, atMs: BigInt(atMs) })),
    totals: statement.totals.map((total) => ({ ...total })),
    preliminary: statement.isPreliminary,
  };
}

export function statementFor(
  { database }: OrdersParts,
  { organisationId, month: text }: { readonly organisationId: string; readonly month: string },
  context: CallContext,
): Promise<Statement> {
  const hidden = ordersFaults.order_not_found;
  requirePermission(context, organisationId, { permission: "orders:read", hidden });
  const month = parseMonth(text);
  if (month === undefined) {
    throw ordersFaults.malformed({ publicMessage: "A month is written like 2026-11." });
  }
  const nowMs = database.world.clock.nowMs();
  return readStatement(database, { organisationId, month, nowMs });
}
