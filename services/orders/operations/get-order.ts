import type { GetOrderRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { refusedMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { findOrder } from "../store/orders.ts";
import { tellOrder } from "./read-order.ts";

/** An order, or one that was queued and had to be refused. */
export async function getOrder(
  { database }: OrdersParts,
  { organisationId, id }: GetOrderRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  requireMember(context, organisationId, ordersFaults.order_not_found);
  const order = await findOrder(database, { organisationId, id });
  if (order !== undefined) return tellOrder(database, order);
  const refused = await database
    .selectFrom("refused_orders")
    .selectAll()
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .executeTakeFirst();
  if (refused === undefined) throw ordersFaults.order_not_found();
  return refusedMessage(refused);
}
