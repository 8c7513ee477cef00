/** From rows to the contract's messages and back, in one place. */
import type { Order, Payment, Product, Refund } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { type ProductTerms, problemOf } from "./core/product.ts";
import { ordersFaults } from "./faults.ts";
import type { CreditRow, OrderRow, PaymentRow, RefundRow, RefusedRow } from "./store/orders.ts";
import type { ProductRow } from "./store/products.ts";

/** Milliseconds since 1970; 0 for what has not happened. */
export function stamp(date: Date | null): bigint {
  return date === null ? 0n : BigInt(date.getTime());
}

export function productMessage(row: ProductRow): MessageInit<Product> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    kind: row.kind,
    name: row.name,
    description: row.description,
    priceNanos: row.price_nanos,
    currency: row.currency,
    taxPpm: row.tax_ppm,
    creditNanos: row.credit_nanos,
    creditCurrency: row.credit_currency,
    validDays: row.valid_days,
    version: row.version,
    createdAtMs: stamp(row.created_at),
    archivedAtMs: stamp(row.archived_at),
  };
}

/** Throws `orders.malformed`, with what is wrong, for terms that no product can have. */
export function termsFromMessage(product: Product | undefined): ProductTerms {
  const kind = product?.kind;
  if (product === undefined || (kind !== "pack" && kind !== "plan")) throw ordersFaults.malformed();
  const terms: ProductTerms = {
    kind,
    name: product.name.trim(),
    description: product.description.trim(),
    priceNanos: product.priceNanos,
    currency: product.currency,
    taxPpm: product.taxPpm,
    creditNanos: product.creditNanos,
    creditCurrency: product.creditCurrency,
    validDays: product.validDays,
  };
  const problem = problemOf(terms);
  if (problem !== undefined) throw ordersFaults.malformed({ publicMessage: problem });
  return terms;
}

export function orderMessage(
  row: OrderRow,
  payment?: PaymentRow,
  credit?: CreditRow,
): MessageInit<Order> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    productId: row.product_id,
    productVersion: row.product_version,
    kind: row.kind,
    name: row.name,
    quantity: row.quantity,
    netNanos: row.net_nanos,
    taxPpm: row.tax_ppm,
    taxNanos: row.tax_nanos,
    totalNanos: row.total_nanos,
    currency: row.currency,
    creditNanos: row.credit_nanos,
    creditCurrency: row.credit_currency,
    exchangeRate: row.exchange_rate,
    validDays: row.valid_days,
    state: row.state,
    reference: row.reference,
    note: row.note,
    createdBy: row.created_by,
    createdAtMs: stamp(row.created_at),
    expiresAtMs: stamp(row.expires_at),
    paidAtMs: stamp(row.paid_at),
    fulfilledAtMs: stamp(row.fulfilled_at),
    endedAtMs: stamp(row.ended_at),
    refundedNanos: row.refunded_nanos,
    creditTakenBackNanos: row.credit_taken_back_nanos,
    version: row.version,
    queuedAtMs: stamp(row.queued_at),
    dispute: row.dispute,
    creditExpiresAtMs: stamp(credit?.expires_at ?? null),
    ...(payment === undefined ? {} : { payment: paymentMessage(payment) }),
  };
}

/** One that was queued and could not be made: what is known of it, and why. */
export function refusedMessage(row: RefusedRow): MessageInit<Order> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    productId: row.product_id,
    quantity: row.quantity,
    state: "refused",
    refusalReason: row.reason,
    refusal: row.message,
    createdBy: row.created_by,
    queuedAtMs: stamp(row.queued_at),
    createdAtMs: stamp(row.queued_at),
    endedAtMs: stamp(row.refused_at),
    version: 1n,
  };
}

export function paymentMessage(row: PaymentRow): MessageInit<Payment> {
  return {
    id: row.id,
    orderId: row.order_id,
    organisationId: row.organisation_id,
    provider: row.provider,
    state: row.state,
    amountNanos: row.amount_nanos,
    currency: row.currency,
    providerReference: row.provider_reference,
    checkoutKind: row.checkout_kind,
    checkoutUrl: row.checkout_url,
    checkoutText: row.checkout_text,
    confirmedBy: row.confirmed_by,
    approvedBy: row.approved_by,
    receivedAtMs: stamp(row.received_at),
    note: row.note,
    createdAtMs: stamp(row.created_at),
  };
}

export function refundMessage(row: RefundRow, order: OrderRow): MessageInit<Refund> {
  return {
    id: row.id,
    orderId: row.order_id,
    organisationId: row.organisation_id,
    amountNanos: row.amount_nanos,
    currency: order.currency,
    creditNanos: row.credit_nanos,
    creditCurrency: order.credit_currency,
    state: row.state,
    reason: row.reason,
    detail: row.detail,
    requestedBy: row.requested_by,
    createdAtMs: stamp(row.created_at),
    endedAtMs: stamp(row.ended_at),
    origin: row.origin,
  };
}
