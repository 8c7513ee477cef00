import type { Refund, RefundOrderRequest } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requirePlatformPermission } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { refundMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import type { OrderRow, RefundRow } from "../store/orders.ts";
import { enterRefund, refundsSum } from "../store/refunds.ts";
import { takeAnyOrder, takePayment } from "./read-order.ts";

const refundable = new Set(["fulfilled", "partially_refunded"]);

/**
 * Pays back a part or all of an order, once for each idempotency key. First its credit is taken out
 * of the wallet, then the money goes; the refund's state tells how far it is.
 */
export async function refundOrder(
  parts: OrdersParts,
  request: RefundOrderRequest,
  context: CallContext,
): Promise<MessageInit<Refund>> {
  const { orderId, amountNanos, reason, idempotencyKey } = request;
  requirePlatformPermission(context, "refunds:write");
  const isText = reason.length <= 200 && !/\p{Cc}/u.test(reason);
  if (idempotencyKey === "" || amountNanos < 0n || !isText) throw ordersFaults.malformed();
  return act(parts, context, async (action) => {
    const order = await takeAnyOrder(action, orderId);
    const known = await findRepeated(action, { request, order });
    if (known !== undefined) return refundMessage(known, order);
    await checkRefundable(action, order);
    const left = order.total_nanos - (await refundsSum(action.tx, order.id));
    const wanted = amountNanos === 0n ? left : amountNanos;
    const isPart = wanted !== order.total_nanos;
    if (isPart && parts.provider?.capabilities.partialRefund === false) {
      throw ordersFaults.malformed({ publicMessage: "The provider only pays back whole orders." });
    }
    const refund = await enterRefund(action, {
      id: newId(parts.database.world, "rfd"),
      paymentId: (await paidPayment(action, order)).id,
      ...{ order, amountNanos: wanted, origin: "refund", reason, idempotencyKey },
    });
    return refundMessage(refund, order);
  });
}

async function findRepeated(
  { tx }: Action,
  { request, order }: { readonly request: RefundOrderRequest; readonly order: OrderRow },
): Promise<RefundRow | undefined> {
  const known = await tx
    .selectFrom("refunds")
    .selectAll()
    .where("organisation_id", "=", order.organisation_id)
    .where("idempotency_key", "=", request.idempotencyKey)
    .executeTakeFirst();
  if (known === undefined) return undefined;
  const isSame =
    known.order_id === order.id &&
    (request.amountNanos === 0n || request.amountNanos === known.amount_nanos);
  if (!isSame) throw ordersFaults.idempotency_conflict();
  return known;
}

/** Credited, or never to be: money whose credit is still on its way is not paid back. */
async function checkRefundable({ tx }: Action, order: OrderRow): Promise<void> {
  if (refundable.has(order.state)) return;
  const credit = await tx
    .selectFrom("credits")
    .select("refusal")
    .where("order_id", "=", order.id)
    .executeTakeFirst();
  const isNeverCredited = order.state === "paid" && (credit?.refusal ?? "") !== "";
  if (!isNeverCredited) throw ordersFaults.wrong_state({ detail: order.state });
}

async function paidPayment(action: Action, order: OrderRow) {
  const paid = await action.tx
    .selectFrom("payments")
    .selectAll()
    .where("order_id", "=", order.id)
    .where("state", "=", "succeeded")
    .executeTakeFirst();
  return paid ?? takePayment(action, order);
}
