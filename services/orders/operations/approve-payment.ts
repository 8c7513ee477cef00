import type { GetOrderRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { act, personOf } from "../store/action.ts";
import { payOrder } from "../store/pay-order.ts";
import { takeAnyOrder, takePayment, tellOrder } from "./read-order.ts";

/** A second person agrees with what the first one confirmed. Repeated it changes nothing. */
export async function approvePayment(
  parts: OrdersParts,
  place: GetOrderRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  requirePlatformPermission(context, "payments:confirm");
  return act(parts, context, async (action) => {
    const { tx, actor } = action;
    const order = await takeAnyOrder(action, place.id);
    const payment = await takePayment(action, order);
    if (payment.approved_by !== "") return tellOrder(tx, order);
    if (payment.state !== "awaiting_approval") {
      throw ordersFaults.wrong_state({ detail: payment.state });
    }
    if (personOf(payment.confirmed_by) === personOf(actor)) {
      throw ordersFaults.second_person_needed();
    }
    const changes = { approved_by: actor, received_at: payment.received_at };
    return tellOrder(tx, await payOrder(action, { order, payment, changes }));
  });
}
