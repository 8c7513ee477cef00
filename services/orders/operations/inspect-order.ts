import type {
  InspectedOrder,
  InspectOrderRequest,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { refundMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { tellOrder } from "./read-order.ts";

/** Anybody's order with its refunds, for finance: by id, or by what stands on the transfer. */
export async function inspectOrder(
  { database }: OrdersParts,
  { id, reference }: InspectOrderRequest,
  context: CallContext,
): Promise<MessageInit<InspectedOrder>> {
  requirePlatformPermission(context, "payments:confirm");
  const query = database.selectFrom("orders").selectAll();
  const order = await (id === ""
    ? query.where("reference", "=", reference.trim().toUpperCase())
    : query.where("id", "=", id)
  ).executeTakeFirst();
  if (order === undefined) throw ordersFaults.order_not_found();
  const refunds = await database
    .selectFrom("refunds")
    .selectAll()
    .where("order_id", "=", order.id)
    .orderBy("id", "desc")
    .limit(200)
    .execute();
  return {
    order: await tellOrder(database, order),
    refunds: refunds.map((row) => refundMessage(row, order)),
  };
}
