import type {
  ListRefundsRequest,
  ListRefundsResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { refundMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { findOrder } from "../store/orders.ts";

const refundsMax = 200;

/** Of one order, newest first. */
export async function listRefunds(
  { database }: OrdersParts,
  { organisationId, orderId }: ListRefundsRequest,
  context: CallContext,
): Promise<MessageInit<ListRefundsResponse>> {
  requireMember(context, organisationId, ordersFaults.order_not_found);
  const order = await findOrder(database, { organisationId, id: orderId });
  if (order === undefined) throw ordersFaults.order_not_found();
  const rows = await database
    .selectFrom("refunds")
    .selectAll()
    .where("order_id", "=", order.id)
    .orderBy("id", "desc")
    .limit(refundsMax)
    .execute();
  return { refunds: rows.map((row) => refundMessage(row, order)) };
}
