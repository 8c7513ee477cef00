import type { CreateOrderRequest, Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { Fault, isId } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requirePermission } from "../authority.ts";
import { prepareCheckout } from "../checkouts.ts";
import { priceOf } from "../core/order-price.ts";
import { paymentReference } from "../core/payment-reference.ts";
import { amountMax } from "../core/product.ts";
import { ordersFaults } from "../faults.ts";
import { orderMessage, refusedMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { newestPayment, type OrderRow, type RefusedRow } from "../store/orders.ts";
import { insertPayment } from "../store/payments.ts";
import { type ProductRow, selectVersions, termsOf } from "../store/products.ts";

const quantityMax = 1_000;
const noteLengthMax = 200;
const balanceDeadlineMs = 500;

/**
 * Makes an order with everything that it costs and gives frozen; the same one again for the same
 * idempotency key. One that was queued while this service was away is made, or refused for its
 * buyer to see under the id that was told.
 */
export async function createOrder(
  parts: OrdersParts,
  request: CreateOrderRequest,
  context: CallContext,
): Promise<MessageInit<Order>> {
  const { organisationId } = request;
  const hidden = ordersFaults.order_not_found;
  requirePermission(context, organisationId, { permission: "orders:write", hidden });
  checkForm(request);
  try {
    const order = await insertOrder(parts, request, context);
    return orderMessage(order, await ensureCheckout(parts, order));
  } catch (error) {
    const isFinal = Fault.is(error) && error.blame === "client";
    if (!isFinal || request.queuedAtMs === 0n) throw error;
    return refusedMessage(await refuseQueued(parts, { request, context, fault: error }));
  }
}

function checkForm(request: CreateOrderRequest): void {
  const { id, quantity, note, idempotencyKey } = request;
  const isOk =
    (id === "" || isId("ord", id)) &&
    quantity >= 1 &&
    quantity <= quantityMax &&
    note.length <= noteLengthMax &&
    !/\p{Cc}/u.test(note) &&
    idempotencyKey !== "" &&
    idempotencyKey.length <= 255;
  if (!isOk) throw ordersFaults.malformed();
}

async function insertOrder(
  parts: OrdersParts,
  request: CreateOrderRequest,
  context: CallContext,
): Promise<OrderRow> {
  const { provider } = parts;
  if (provider === undefined) throw ordersFaults.no_provider();
  await checkWallet(parts, request);
  return act(parts, context, async (action) => {
    const { tx, audit } = action;
    const known = await findRepeated(action, request);
    if (known !== undefined) return known;
    const product = await findOffer(action, request);
    const row = orderRow(parts, action, { request, product });
    if (request.expectedTotalNanos !== 0n && request.expectedTotalNanos !== row.total_nanos) {
      throw ordersFaults.offer_changed();
    }
    await checkOpenOrders(parts, action, request);
    const inserted = await tx
      .insertInto("orders")
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    // Somebody was faster with the same key, or this id stands for another order.
    if (inserted === undefined) {
      const other = await findRepeated(action, request);
      if (other === undefined) throw ordersFaults.idempotency_conflict();
      return other;
    }
    await insertPayment(parts, action, { order: inserted, provider: provider.name });
    audit({
      organisationId: row.organisation_id,
      action: "order.created",
      target: row.id,
      after: { product: product.id, version: Number(product.version), quantity: row.quantity },
    });
    return inserted;
  });
}

/** An earlier order of the same key; an id that was told for it besides leads to it from now on. */
async function findRepeated(
  { tx }: Action,
  request: CreateOrderRequest,
): Promise<OrderRow | undefined> {
  const order = await tx
    .selectFrom("orders")
    .selectAll()
    .where("organisation_id", "=", request.organisationId)
    .where("idempotency_key", "=", request.idempotencyKey)
    .executeTakeFirst();
  if (order === undefined) return undefined;
  if (order.product_id !== request.productId || order.quantity !== request.quantity) {
    throw ordersFaults.idempotency_conflict();
  }
  if (request.id !== "" && request.id !== order.id) {
    await tx
      .insertInto("order_aliases")
      .values({ id: request.id, order_id: order.id })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  return order;
}

/** The version that is ordered: the current one, or for a queued order what it was at that time. */
async function findOffer({ tx }: Action, request: CreateOrderRequest): Promise<ProductRow> {
  const versions = await selectVersions(tx)
    .where("products.id", "=", request.productId)
    .where("products.organisation_id", "in", [request.organisationId, ""])
    .orderBy("product_versions.version", "desc")
    .execute();
  const [current] = versions;
  if (current === undefined) throw ordersFaults.product_not_found();
  const queuedAtMs = Number(request.queuedAtMs);
  const archivedAtMs = current.archived_at?.getTime();
  // Taken off the list since: whoever ordered it while it stood there gets it all the same.
  const wasThere = archivedAtMs === undefined || (queuedAtMs !== 0 && archivedAtMs > queuedAtMs);
  if (!wasThere) throw ordersFaults.product_not_found();
  const offered =
    queuedAtMs === 0 ? current : versions.find(({ created_at: at }) => at.getTime() <= queuedAtMs);
  if (offered === undefined) throw ordersFaults.product_not_found();
  const { productVersion } = request;
  if (productVersion !== 0n && productVersion !== offered.version) {
    throw ordersFaults.offer_changed();
  }
  return offered;
}

function orderRow(
  parts: OrdersParts,
  { now, actor }: Action,
  { request, product }: { readonly request: CreateOrderRequest; readonly product: ProductRow },
): OrderRow {
  const { provider, config, database } = parts;
  const id = request.id || newId(database.world, "ord");
  const price = priceOf(termsOf(product), request.quantity);
  const currencies = provider?.capabilities.currencies ?? [];
  if (currencies.length > 0 && !currencies.includes(product.currency)) {
    throw ordersFaults.malformed({ publicMessage: "The payment provider takes other currencies." });
  }
  if (price.totalNanos > amountMax || price.creditNanos > amountMax) {
    throw ordersFaults.malformed({ publicMessage: "An order is at most 1,000,000 units." });
  }
  return {
    id,
    organisation_id: request.organisationId,
    product_id: product.id,
    product_version: product.version,
    ...{ kind: product.kind, name: product.name, quantity: request.quantity },
    net_nanos: price.netNanos,
    tax_ppm: product.tax_ppm,
    tax_nanos: price.taxNanos,
    total_nanos: price.totalNanos,
    currency: product.currency,
    credit_nanos: price.creditNanos,
    credit_currency: product.credit_currency,
    exchange_rate: price.exchangeRate,
    valid_days: product.valid_days,
    state: "awaiting_payment",
    dispute: "",
    reference: paymentReference(id),
    note: request.note,
    created_by: actor,
    created_at: now,
    queued_at: request.queuedAtMs === 0n ? null : new Date(Number(request.queuedAtMs)),
    expires_at: new Date(now.getTime() + config.payments.validMs),
    ...{ paid_at: null, fulfilled_at: null, ended_at: null },
    ...{ refunded_nanos: 0n, credit_taken_back_nanos: 0n, version: 1n },
    idempotency_key: request.idempotencyKey,
  };
}

/** So that nobody fills the books with orders that nobody means to pay. */
async function checkOpenOrders(
  { config }: OrdersParts,
  { tx }: Action,
  { organisationId }: CreateOrderRequest,
): Promise<void> {
  const { openOrdersMax } = config.payments;
  const open = await tx
    .selectFrom("orders")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("state", "in", ["awaiting_payment", "failed"])
    .limit(openOrdersMax)
    .execute();
  if (open.length >= openOrdersMax) throw ordersFaults.too_many_open();
}

/** Better refused now than paid and then not credited; where quota is away it shows later. */
async function checkWallet(parts: OrdersParts, request: CreateOrderRequest): Promise<void> {
  const { organisationId, productId } = request;
  const offers = await selectVersions(parts.database)
    .where("products.id", "=", productId)
    .where("products.organisation_id", "in", [organisationId, ""])
    .whereRef("product_versions.version", "=", "products.version")
    .executeTakeFirst();
  const balance = await parts.quota
    .getBalance({ organisationId }, { deadlineMs: balanceDeadlineMs })
    .catch(() => undefined);
  if (offers === undefined || balance === undefined || balance.totalNanos === 0n) return;
  if (balance.currency !== offers.credit_currency) throw ordersFaults.currency_mismatch();
}

/** How it is paid: asked now, and later again by the upkeep where the provider is away. */
async function ensureCheckout(parts: OrdersParts, order: OrderRow) {
  const payment = await newestPayment(parts.database, order.id);
  const { provider } = parts;
  if (payment?.state !== "preparing" || provider?.name !== payment.provider) return payment;
  await prepareCheckout(parts, provider, payment).catch((error: unknown) =>
    parts.log.warn("checkout_failed", { payment: payment.id, error: String(error) }),
  );
  return newestPayment(parts.database, order.id);
}

async function refuseQueued(
  parts: OrdersParts,
  given: {
    readonly request: CreateOrderRequest;
    readonly context: CallContext;
    readonly fault: Fault;
  },
): Promise<RefusedRow> {
  const { request, context, fault } = given;
  return act(parts, context, async ({ tx, now, actor, audit }) => {
    const row: RefusedRow = {
      id: request.id,
      organisation_id: request.organisationId,
      product_id: request.productId,
      quantity: request.quantity,
      reason: fault.reason,
      message: fault.publicMessage,
      created_by: actor,
      queued_at: new Date(Number(request.queuedAtMs)),
      refused_at: now,
      idempotency_key: request.idempotencyKey,
    };
    const inserted = await tx
      .insertInto("refused_orders")
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (inserted === undefined) return row;
    const { organisation_id: organisationId, id: target } = row;
    audit({ organisationId, action: "order.refused", target, after: { reason: fault.reason } });
    return row;
  });
}
