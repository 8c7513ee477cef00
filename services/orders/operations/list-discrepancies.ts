import type {
  ListDiscrepanciesRequest,
  ListDiscrepanciesResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { stamp } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";

const rowsMax = 200;

/** Money and orders that do not fit, of all organisations, newest first. */
export async function listDiscrepancies(
  { database }: OrdersParts,
  _: ListDiscrepanciesRequest,
  context: CallContext,
): Promise<MessageInit<ListDiscrepanciesResponse>> {
  requirePlatformPermission(context, "payments:confirm");
  const rows = await database
    .selectFrom("discrepancies")
    .selectAll()
    .orderBy("found_at", "desc")
    .limit(rowsMax)
    .execute();
  return {
    discrepancies: rows.map((row) => ({
      kind: row.kind,
      provider: row.provider,
      reference: row.reference,
      orderId: row.order_id,
      organisationId: row.organisation_id,
      amountNanos: row.amount_nanos,
      currency: row.currency,
      foundAtMs: stamp(row.found_at),
    })),
  };
}
