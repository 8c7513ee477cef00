/** How orders, payments and refunds look to clients. */
import type { Order, Payment, Refund } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { moneyField, moneyOf, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import type { QueuedOrder } from "../queue/queued-order.ts";
import { percentOfPpm } from "./products.ts";

export const payment = z
  .object({
    id: z.string(),
    order_id: z.string(),
    provider: z.string(),
    state: z.string().meta({
      description:
        "preparing, pending, awaiting_approval, succeeded, failed, expired or cancelled.",
    }),
    amount: moneyField,
    provider_reference: z.string().nullable(),
    checkout: z
      .object({
        kind: z.string().meta({ description: "redirect or instructions." }),
        url: z.string().nullable(),
        text: z.string().nullable(),
      })
      .nullable()
      .meta({ description: "How to pay; null while that is being prepared." }),
    confirmed_by: z.string().nullable(),
    approved_by: z.string().nullable(),
    received_at: timeField.nullable(),
    note: z.string(),
    created_at: timeField.nullable(),
  })
  .meta({ id: "Payment" });

export function paymentBody(message: Payment): z.input<typeof payment> {
  const { checkoutKind: kind, checkoutUrl, checkoutText } = message;
  return {
    id: message.id,
    order_id: message.orderId,
    provider: message.provider,
    state: message.state,
    amount: moneyOf(message.amountNanos, message.currency),
    provider_reference: message.providerReference || null,
    checkout: kind === "" ? null : { kind, url: checkoutUrl || null, text: checkoutText || null },
    confirmed_by: message.confirmedBy || null,
    approved_by: message.approvedBy || null,
    received_at: timeOf(message.receivedAtMs),
    note: message.note,
    created_at: timeOf(message.createdAtMs),
  };
}

export const order = z
  .object({
    id: z.string(),
    state: z.string().meta({
      description:
        "queued (taken in, not made yet), awaiting_payment, paid (its credit is on the way), " +
        "fulfilled, partially_refunded, refunded, expired, cancelled, failed, disputed, lost, or " +
        "refused (was queued, could not be made).",
    }),
    product_id: z.string().meta({ description: "The pack or plan." }),
    product_version: z.string().nullable(),
    name: z.string().nullable(),
    quantity: z.int(),
    net: moneyField.nullable().meta({ description: "Null for what is not made yet." }),
    tax: moneyField.nullable(),
    tax_percent: z.string().nullable(),
    total: moneyField.nullable(),
    credit: moneyField.nullable().meta({ description: "What the wallet gets." }),
    exchange_rate: z.string().nullable(),
    refunded: moneyField.nullable(),
    credit_taken_back: moneyField.nullable(),
    reference: z.string().nullable().meta({ description: "What a payer writes on a transfer." }),
    note: z.string(),
    payment: payment.nullable().meta({ description: "The newest attempt." }),
    dispute: z.string().nullable(),
    refusal: z.object({ reason: z.string(), detail: z.string() }).nullable(),
    message: z.string().nullable().meta({ description: "What to know about a queued order." }),
    created_by: z.string().nullable(),
    created_at: timeField.nullable(),
    queued_at: timeField.nullable(),
    expires_at: timeField.nullable(),
    paid_at: timeField.nullable(),
    fulfilled_at: timeField.nullable(),
    credit_expires_at: timeField.nullable(),
    ended_at: timeField.nullable(),
  })
  .meta({ id: "Order" });

export function orderBody(message: Order): z.input<typeof order> {
  const isMade = message.state !== "refused";
  const money = (nanos: bigint) => (isMade ? moneyOf(nanos, message.currency) : null);
  const credit = (nanos: bigint) => (isMade ? moneyOf(nanos, message.creditCurrency) : null);
  return {
    id: message.id,
    state: message.state,
    product_id: message.productId,
    product_version: isMade ? String(message.productVersion) : null,
    name: message.name || null,
    quantity: message.quantity,
    net: money(message.netNanos),
    tax: money(message.taxNanos),
    tax_percent: isMade ? percentOfPpm(message.taxPpm) : null,
    total: money(message.totalNanos),
    credit: credit(message.creditNanos),
    exchange_rate: message.exchangeRate || null,
    refunded: money(message.refundedNanos),
    credit_taken_back: credit(message.creditTakenBackNanos),
    reference: message.reference || null,
    note: message.note,
    payment: message.payment === undefined ? null : paymentBody(message.payment),
    dispute: message.dispute || null,
    refusal: isMade ? null : { reason: message.refusalReason, detail: message.refusal },
    message: null,
    created_by: message.createdBy || null,
    created_at: timeOf(message.createdAtMs),
    queued_at: timeOf(message.queuedAtMs),
    expires_at: timeOf(message.expiresAtMs),
    paid_at: timeOf(message.paidAtMs),
    fulfilled_at: timeOf(message.fulfilledAtMs),
    credit_expires_at: timeOf(message.creditExpiresAtMs),
    ended_at: timeOf(message.endedAtMs),
  };
}

const queuedMessage =
  "Your order has been taken in and is stored safely. The order service is not available at the " +
  "moment; the order will be made, once, as soon as it is back, at the price that was in force " +
  "when you sent it. Look at this order again to see its price and how to pay.";

/** One that waits: what is known of it, and what will happen. */
export function queuedBody(queued: QueuedOrder): z.input<typeof order> {
  const queuedAt = timeOf(BigInt(queued.queuedAtMs));
  return {
    id: queued.id,
    state: "queued",
    product_id: queued.productId,
    product_version: queued.productVersion === "0" ? null : queued.productVersion,
    quantity: queued.quantity,
    note: queued.note,
    message: queuedMessage,
    ...{ name: null, net: null, tax: null, tax_percent: null, total: null, credit: null },
    ...{ exchange_rate: null, refunded: null, credit_taken_back: null, reference: null },
    ...{ payment: null, dispute: null, refusal: null },
    created_by: null,
    created_at: queuedAt,
    queued_at: queuedAt,
    ...{ expires_at: null, paid_at: null, fulfilled_at: null },
    ...{ credit_expires_at: null, ended_at: null },
  };
}

export const refund = z
  .object({
    id: z.string(),
    order_id: z.string(),
    amount: moneyField,
    credit: moneyField.meta({ description: "Taken out of the wallet, before the money goes." }),
    state: z.string().meta({
      description: "requested, credit_taken, completed, refused (the credit was spent) or failed.",
    }),
    origin: z.string().meta({ description: "refund, dispute, or provider." }),
    reason: z.string(),
    detail: z.string(),
    requested_by: z.string(),
    created_at: timeField.nullable(),
    ended_at: timeField.nullable(),
  })
  .meta({ id: "Refund" });

export function refundBody(message: Refund): z.input<typeof refund> {
  return {
    id: message.id,
    order_id: message.orderId,
    amount: moneyOf(message.amountNanos, message.currency),
    credit: moneyOf(message.creditNanos, message.creditCurrency),
    state: message.state,
    origin: message.origin,
    reason: message.reason,
    detail: message.detail,
    requested_by: message.requestedBy,
    created_at: timeOf(message.createdAtMs),
    ended_at: timeOf(message.endedAtMs),
  };
}
