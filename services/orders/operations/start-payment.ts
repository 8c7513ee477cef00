import type { GetOrderRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { prepareCheckout } from "../checkouts.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { moveOrder } from "../store/orders.ts";
import { insertPayment } from "../store/payments.ts";
import { takeOrder, tellOrder } from "./read-order.ts";

/** Another attempt at paying an order whose last one failed. One under way is answered as it is. */
export async function startPayment(
  parts: OrdersParts,
  place: GetOrderRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  const { organisationId } = place;
  const hidden = ordersFaults.order_not_found;
  requirePermission(context, organisationId, { permission: "orders:write", hidden });
  const { provider } = parts;
  if (provider === undefined) throw ordersFaults.no_provider();
  const { order, payment } = await act(parts, context, async (action) => {
    const { tx, audit } = action;
    const found = await takeOrder(action, place);
    if (found.state === "awaiting_payment") return { order: found, payment: undefined };
    const moved = await moveOrder(tx, found, { event: "retry", changes: {} });
    if (moved === undefined) throw ordersFaults.wrong_state({ detail: found.state });
    const made = await insertPayment(parts, action, { order: moved, provider: provider.name });
    const after = { payment: made.id };
    audit({ organisationId, action: "order.payment_started", target: found.id, after });
    return { order: moved, payment: made };
  });
  if (payment !== undefined) await prepareCheckout(parts, provider, payment);
  return tellOrder(parts.database, order);
}
