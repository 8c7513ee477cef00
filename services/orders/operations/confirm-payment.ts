import type { ConfirmPaymentRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { parseNanos } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { nextState } from "../core/order-state.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { factsOf, type OrderRow, type PaymentRow } from "../store/orders.ts";
import { payOrder } from "../store/pay-order.ts";
import { takeAnyOrder, takePayment, tellOrder } from "./read-order.ts";

/**
 * Finance says that the money is there: exactly what was ordered. Above the configured amount a
 * second person has to agree before anything is credited. Repeated it changes nothing.
 */
export async function confirmPayment(
  parts: OrdersParts,
  request: ConfirmPaymentRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  requirePlatformPermission(context, "payments:confirm");
  if (request.note.length > 500 || /\p{Cc}/u.test(request.note)) throw ordersFaults.malformed();
  return act(parts, context, async (action) => {
    const order = await takeAnyOrder(action, request.orderId);
    const payment = await takePayment(action, order);
    if (payment.provider !== "manual") throw ordersFaults.wrong_state({ detail: "not manual" });
    const isRight =
      request.amountNanos === payment.amount_nanos && request.currency === payment.currency;
    if (!isRight) throw ordersFaults.amount_mismatch();
    if (payment.confirmed_by !== "") return tellOrder(action.tx, order);
    if (nextState(factsOf(order), "pay") === undefined) {
      throw ordersFaults.wrong_state({ detail: order.state });
    }
    const changed = await confirm(parts, action, { request, order, payment });
    return tellOrder(action.tx, changed);
  });
}

async function confirm(
  { config }: OrdersParts,
  action: Action,
  given: {
    readonly request: ConfirmPaymentRequest;
    readonly order: OrderRow;
    readonly payment: PaymentRow;
  },
): Promise<OrderRow> {
  const { request, order, payment } = given;
  const { tx, now, actor, audit } = action;
  const receivedAt = request.receivedAtMs === 0n ? now : new Date(Number(request.receivedAtMs));
  const changes = { confirmed_by: actor, received_at: receivedAt, note: request.note };
  const { approvalAbove } = config.payments;
  const needsTwo = approvalAbove !== "" && payment.amount_nanos > parseNanos(approvalAbove);
  if (!needsTwo) return payOrder(action, { order, payment, changes });
  await tx
    .updateTable("payments")
    .set({ ...changes, state: "awaiting_approval" })
    .where("id", "=", payment.id)
    .execute();
  const { organisation_id: organisationId, id: target } = order;
  audit({ organisationId, action: "payment.confirmed", target, after: { payment: payment.id } });
  return order;
}
