import type {
  ListDiscrepanciesResponse,
  ListPaymentsRequest,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { stamp } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";

const rowsMax = 200;

/** Money and orders that do not fit, newest first. Payments of nobody's order are in the log. */
export async function listDiscrepancies(
  { database }: OrdersParts,
  { organisationId }: ListPaymentsRequest,
  context: CallContext,
): Promise<MessageInit<ListDiscrepanciesResponse>> {
  const hidden = ordersFaults.order_not_found;
  requirePermission(context, organisationId, { permission: "payments:confirm", hidden });
  const rows = await database
    .selectFrom("discrepancies")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("found_at", "desc")
    .limit(rowsMax)
    .execute();
  return {
    discrepancies: rows.map((row) => ({
      kind: row.kind,
      provider: row.provider,
      reference: row.reference,
      orderId: row.order_id,
      amountNanos: row.amount_nanos,
      currency: row.currency,
      foundAtMs: stamp(row.found_at),
    })),
  };
}
