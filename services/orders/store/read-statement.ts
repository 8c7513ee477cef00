import { taxShare } from "../core/order-price.ts";
import {
  inOrder,
  type Month,
  type Statement,
  type StatementLine,
  totalsOf,
} from "../core/statement.ts";
import type { OrderRow, Reader } from "./orders.ts";

/** What was paid and paid back in a month. The same for ever once the month is over. */
export async function readStatement(
  reader: Reader,
  given: { readonly organisationId: string; readonly month: Month; readonly nowMs: number },
): Promise<Statement> {
  const { organisationId, month, nowMs } = given;
  const [start, end] = [new Date(month.startMs), new Date(month.endMs)];
  const paid = await reader
    .selectFrom("orders")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .where("paid_at", ">=", start)
    .where("paid_at", "<", end)
    .execute();
  const refunded = await reader
    .selectFrom("orders")
    .innerJoin("refunds", "refunds.order_id", "orders.id")
    .selectAll("orders")
    .select([
      "refunds.id as refund_id",
      "refunds.amount_nanos",
      "refunds.credit_nanos as taken_nanos",
      "refunds.ended_at as refund_ended_at",
    ])
    .select((expression) =>
      expression
        .selectFrom("refunds as earlier")
        .select((inner) =>
          inner.fn.coalesce(inner.fn.sum<string>("amount_nanos"), inner.lit(0)).as("sum"),
        )
        .whereRef("earlier.order_id", "=", "orders.id")
        .whereRef("earlier.ended_at", "<", "refunds.ended_at")
        .where("earlier.state", "=", "completed")
        .as("before_nanos"),
    )
    .where("orders.organisation_id", "=", organisationId)
    .where("refunds.state", "=", "completed")
    .where("refunds.ended_at", ">=", start)
    .where("refunds.ended_at", "<", end)
    .execute();
  const lines = inOrder([
    ...paid.map(orderLine),
    ...refunded.map((row) =>
      refundLine(row, {
        id: row.refund_id,
        atMs: row.refund_ended_at?.getTime() ?? 0,
        amountNanos: row.amount_nanos,
        creditNanos: row.taken_nanos,
        beforeNanos: BigInt(row.before_nanos ?? 0),
      }),
    ),
  ]);
  const isPreliminary = nowMs < month.endMs;
  return { organisationId, month: month.name, lines, totals: totalsOf(lines), isPreliminary };
}

function orderLine(order: OrderRow): StatementLine {
  return {
    atMs: order.paid_at?.getTime() ?? 0,
    kind: "order",
    reference: order.reference,
    orderId: order.id,
    description: order.name,
    quantity: order.quantity,
    netNanos: order.net_nanos,
    taxNanos: order.tax_nanos,
    totalNanos: order.total_nanos,
    currency: order.currency,
    creditNanos: order.credit_nanos,
    creditCurrency: order.credit_currency,
  };
}

function refundLine(
  order: OrderRow,
  refund: {
    readonly id: string;
    readonly atMs: number;
    readonly amountNanos: bigint;
    readonly creditNanos: bigint;
    /** Of this order, completed before this one. */
    readonly beforeNanos: bigint;
  },
): StatementLine {
  const { amountNanos, beforeNanos: refundedNanos } = refund;
  const { total_nanos: totalNanos, tax_nanos: taxNanos } = order;
  const tax = taxShare({ totalNanos, taxNanos, refundedNanos, amountNanos });
  return {
    ...orderLine(order),
    atMs: refund.atMs,
    kind: "refund",
    quantity: 1,
    netNanos: tax - amountNanos,
    taxNanos: -tax,
    totalNanos: -amountNanos,
    creditNanos: -refund.creditNanos,
  };
}
