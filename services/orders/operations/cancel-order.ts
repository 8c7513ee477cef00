import type { GetOrderRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { moveOrder } from "../store/orders.ts";
import { takeOrder, tellOrder } from "./read-order.ts";

/** The buyer does not want it any more. A cancelled one is answered as it is. */
export async function cancelOrder(
  parts: OrdersParts,
  place: GetOrderRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  const { organisationId } = place;
  const hidden = ordersFaults.order_not_found;
  requirePermission(context, organisationId, { permission: "orders:write", hidden });
  return act(parts, context, async (action) => {
    const { tx, now, audit } = action;
    const order = await takeOrder(action, place);
    if (order.state === "cancelled") return tellOrder(tx, order);
    const changes = { ended_at: now };
    const moved = await moveOrder(tx, order, { event: "cancel", changes });
    if (moved === undefined) throw ordersFaults.wrong_state({ detail: order.state });
    await tx
      .updateTable("payments")
      .set({ state: "cancelled" })
      .where("order_id", "=", order.id)
      .where("state", "in", ["preparing", "pending", "awaiting_approval"])
      .execute();
    audit({ organisationId, action: "order.cancelled", target: order.id });
    return tellOrder(tx, moved);
  });
}
