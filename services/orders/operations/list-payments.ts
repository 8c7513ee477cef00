import type {
  ListPaymentsRequest,
  ListPaymentsResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { paymentMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Every attempt at paying, newest first; of one order or of all. */
export async function listPayments(
  { database }: OrdersParts,
  { organisationId, orderId, limit, after }: ListPaymentsRequest,
  context: CallContext,
): Promise<MessageInit<ListPaymentsResponse>> {
  requireMember(context, organisationId, ordersFaults.order_not_found);
  const size = pageSize(limit);
  let query = database
    .selectFrom("payments")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("id", "desc")
    .limit(size + 1);
  if (orderId !== "") query = query.where("order_id", "=", orderId);
  if (after !== "") query = query.where("id", "<", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { payments: rows.map(paymentMessage), hasMore };
}
