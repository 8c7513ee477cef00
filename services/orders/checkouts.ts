/** Preparing how a buyer pays: the one step of an order that asks somebody outside. */

import { Fault } from "@tandem/libs/kernel";
import { ordersFaults } from "./faults.ts";
import type { PaymentProvider } from "./providers/provider.ts";
import { type ActionParts, act } from "./store/action.ts";
import { findOrder, lockOrder, moveOrder, type PaymentRow } from "./store/orders.ts";

/**
 * Asks the provider how this payment is made and writes it down. Repeated, by any replica and after
 * any death, it gives the same: the provider knows the payment's id as its key. Throws the
 * provider's faults; what it refuses for good ends the payment.
 */
export async function prepareCheckout(
  parts: ActionParts,
  provider: PaymentProvider,
  payment: PaymentRow,
): Promise<void> {
  const place = { organisationId: payment.organisation_id, id: payment.order_id };
  const order = await findOrder(parts.database, place);
  if (order === undefined) throw ordersFaults.order_not_found();
  let checkout: Awaited<ReturnType<PaymentProvider["createCheckout"]>>;
  try {
    checkout = await provider.createCheckout({
      paymentId: payment.id,
      orderId: order.id,
      orderReference: order.reference,
      description: order.quantity === 1 ? order.name : `${order.quantity} × ${order.name}`,
      amountNanos: payment.amount_nanos,
      currency: payment.currency,
      expiresAtMs: order.expires_at.getTime(),
    });
  } catch (error) {
    if (Fault.is(error) && error.code !== "unavailable") await refuse(parts, payment);
    throw error;
  }
  await parts.database
    .updateTable("payments")
    .set({
      state: "pending",
      provider_reference: checkout.reference,
      checkout_kind: checkout.kind,
      checkout_url: checkout.url,
      checkout_text: checkout.text,
    })
    .where("id", "=", payment.id)
    .where("state", "=", "preparing")
    .execute();
}

async function refuse(parts: ActionParts, payment: PaymentRow): Promise<void> {
  await act(parts, "orders", async ({ tx }) => {
    const order = await lockOrder(tx, payment.order_id);
    const { numUpdatedRows } = await tx
      .updateTable("payments")
      .set({ state: "failed" })
      .where("id", "=", payment.id)
      .where("state", "=", "preparing")
      .executeTakeFirst();
    if (order === undefined || numUpdatedRows === 0n) return;
    await moveOrder(tx, order, { event: "fail", changes: {} });
  });
}
