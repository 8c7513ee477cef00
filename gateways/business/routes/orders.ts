/** Orders: made, or queued while their service is away; read, paid, cancelled, paid back. */
import {
  amountInput,
  currencyField,
  idField,
  lineField,
  pageOf,
  pageQueryWith,
  pageReply,
  type RestCall,
  timeInput,
} from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { z } from "zod";
import type { QueuedOrder } from "../queue/queued-order.ts";
import {
  order,
  orderBody,
  payment,
  paymentBody,
  queuedBody,
  refund,
  refundBody,
} from "./order-body.ts";
import { asCaller, type BusinessServices, idempotencyKeyOf, route } from "./services.ts";

const tag = "Orders";
const place = z.strictObject({ order_id: idField("ord") });
const read = { permission: "orders:read", visibleWith: "orders:read" } as const;
const write = { permission: "orders:write", visibleWith: "orders:read" } as const;
const confirming = { permission: "payments:confirm" } as const;

const stateInput = z.enum([
  "awaiting_payment",
  "paid",
  "fulfilled",
  "partially_refunded",
  "refunded",
  "expired",
  "cancelled",
  "failed",
  "disputed",
  "lost",
]);

function isAway(error: unknown): boolean {
  return Fault.is(error) && (error.code === "unavailable" || error.code === "deadline_exceeded");
}

const orderInput = z.strictObject({
  product_id: z.union([idField("pck"), idField("pln")]),
  product_version: z
    .string()
    .regex(/^[0-9]{1,9}$/)
    .optional()
    .meta({ description: "Refused when the offer has another version by now." }),
  quantity: z.int().min(1).max(1_000).default(1),
  expected_total: amountInput
    .optional()
    .meta({ description: "With tax. Refused when it would be another." }),
  note: lineField({ min: 0, max: 200 }).default(""),
});

function toQueue(
  call: RestCall<unknown, unknown, z.output<typeof orderInput>>,
  { nowMs, newOrderId }: BusinessServices,
): QueuedOrder {
  const { body, caller, requestId } = call;
  const { claims } = caller;
  return {
    id: newOrderId(),
    organisationId: claims.organisationId,
    productId: body.product_id,
    productVersion: body.product_version ?? "0",
    quantity: body.quantity,
    note: body.note,
    expectedTotalNanos: String(body.expected_total ?? 0n),
    idempotencyKey: idempotencyKeyOf(call),
    queuedAtMs: String(nowMs()),
    requestId,
    claims: { ...claims, scopes: [...claims.scopes], roles: [...claims.roles] },
  };
}

const createRoutes = [
  route({
    method: "POST",
    path: "/api/v1/orders",
    operationId: "createOrder",
    summary: "Order a pack or plan; its price, tax, credit and rate are frozen.",
    description:
      "Needs an Idempotency-Key. While the order service is away the order is stored on disk and " +
      "answered with 202 and the state `queued`; it is made once, when the service is back.",
    tag,
    access: { permission: "orders:write" },
    status: 201,
    mayQueue: true,
    idempotency: "required",
    faults: [
      ...["orders.product_not_found", "orders.offer_changed", "orders.too_many_open"],
      ...["orders.currency_mismatch", "orders.no_provider", "business.queue_full"],
    ],
    body: orderInput,
    reply: order,
    async handle(call, services) {
      const wanted = toQueue(call, services);
      const headers = [["location", `/api/v1/orders/${wanted.id}`]] as const;
      if (!services.queue.isAway) {
        try {
          const made = await createNow(call, services, wanted);
          return { body: orderBody(made), version: made.version };
        } catch (error) {
          if (!isAway(error)) throw error;
        }
      }
      await services.queue.add(wanted);
      return { status: 202, body: queuedBody(wanted), headers, degraded: "queued" };
    },
  }),
];

function createNow(
  call: RestCall,
  { orders, queueAfterMs }: BusinessServices,
  { claims: _, queuedAtMs: __, productVersion, expectedTotalNanos, ...wanted }: QueuedOrder,
) {
  return orders.createOrder(
    {
      ...wanted,
      productVersion: BigInt(productVersion),
      expectedTotalNanos: BigInt(expectedTotalNanos),
    },
    { ...asCaller(call), deadlineMs: Math.min(call.remainingMs(), queueAfterMs) },
  );
}

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/orders",
    operationId: "listOrders",
    summary: "List orders, newest first; those that are queued are not among them.",
    tag,
    access: { permission: "orders:read" },
    stale: "organisation",
    query: pageQueryWith({ state: stateInput.optional() }),
    reply: pageOf(order),
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const { limit, after, state = "" } = call.query;
      const request = { organisationId, limit, after, state };
      const found = await orders.listOrders(request, asCaller(call));
      return pageReply({
        items: found.orders.map(orderBody),
        hasMore: found.hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/orders/:order_id",
    operationId: "getOrder",
    summary: "Read an order; one that is queued as it was taken in.",
    tag,
    access: read,
    stale: "organisation",
    params: place,
    reply: order,
    async handle(call, { orders, queue }) {
      const { organisationId } = call.caller.claims;
      const wanted = { organisationId, id: call.params.order_id };
      try {
        const found = await orders.getOrder(wanted, asCaller(call));
        return { body: orderBody(found), version: found.version };
      } catch (error) {
        const isMissing = Fault.is(error) && error.code === "not_found";
        const queued = isMissing || isAway(error) ? await queue.find(wanted) : undefined;
        if (queued === undefined) throw error;
        return { body: queuedBody(queued), degraded: "queued" };
      }
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/orders/:order_id/payments",
    operationId: "listOrderPayments",
    summary: "List the attempts at paying an order, newest first.",
    tag,
    access: read,
    stale: "organisation",
    params: place,
    query: pageQueryWith({}),
    reply: pageOf(payment),
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const { order_id: orderId } = call.params;
      await orders.getOrder({ organisationId, id: orderId }, asCaller(call));
      const { limit, after } = call.query;
      const request = { organisationId, orderId, limit, after };
      const found = await orders.listPayments(request, asCaller(call));
      return pageReply({
        items: found.payments.map(paymentBody),
        hasMore: found.hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
];

const payRoutes = [
  route({
    method: "POST",
    path: "/api/v1/orders/:order_id/cancel",
    operationId: "cancelOrder",
    summary: "Cancel an order that is not paid.",
    tag,
    access: write,
    faults: ["orders.wrong_state"],
    params: place,
    reply: order,
    status: 200,
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const wanted = { organisationId, id: call.params.order_id };
      const cancelled = await orders.cancelOrder(wanted, asCaller(call));
      return { body: orderBody(cancelled), version: cancelled.version };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/orders/:order_id/payments",
    operationId: "startPayment",
    summary: "Try again to pay an order whose payment failed.",
    tag,
    access: write,
    faults: ["orders.wrong_state", "orders.provider_away"],
    params: place,
    reply: order,
    status: 200,
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const wanted = { organisationId, id: call.params.order_id };
      const started = await orders.startPayment(wanted, asCaller(call));
      return { body: orderBody(started), version: started.version };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/orders/:order_id/confirm-payment",
    operationId: "confirmPayment",
    summary: "Say that the money of a manual payment is there; above a limit somebody else agrees.",
    tag,
    access: confirming,
    faults: ["orders.amount_mismatch", "orders.wrong_state"],
    params: place,
    body: z.strictObject({
      amount: amountInput.meta({ description: "Exactly the order's total." }),
      currency: currencyField,
      received_at: timeInput.optional(),
      note: lineField({ min: 0, max: 500 }).default(""),
    }),
    reply: order,
    status: 200,
    async handle(call, { orders }) {
      const { body } = call;
      const confirmed = await orders.confirmPayment(
        {
          orderId: call.params.order_id,
          amountNanos: body.amount,
          currency: body.currency,
          receivedAtMs: body.received_at ?? 0n,
          note: body.note,
        },
        asCaller(call),
      );
      return { body: orderBody(confirmed), version: confirmed.version };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/orders/:order_id/approve-payment",
    operationId: "approvePayment",
    summary: "Agree with what somebody else confirmed.",
    tag,
    access: confirming,
    faults: ["orders.second_person_needed", "orders.wrong_state"],
    params: place,
    reply: order,
    status: 200,
    async handle(call, { orders }) {
      const wanted = { id: call.params.order_id };
      const approved = await orders.approvePayment(wanted, asCaller(call));
      return { body: orderBody(approved), version: approved.version };
    },
  }),
];

const refundRoutes = [
  route({
    method: "POST",
    path: "/api/v1/orders/:order_id/refunds",
    operationId: "refundOrder",
    summary: "Pay back an order, or a part of it; its credit is taken out of the wallet first.",
    description: "Needs an Idempotency-Key. The refund's state tells how far it is.",
    tag,
    access: { permission: "refunds:write" },
    status: 201,
    idempotency: "required",
    faults: ["orders.refund_too_much", "orders.wrong_state"],
    params: place,
    body: z.strictObject({
      amount: amountInput.optional().meta({ description: "With tax; all that is left if absent." }),
      reason: lineField({ min: 0, max: 200 }).default(""),
    }),
    reply: refund,
    async handle(call, { orders }) {
      const made = await orders.refundOrder(
        {
          orderId: call.params.order_id,
          amountNanos: call.body.amount ?? 0n,
          reason: call.body.reason,
          idempotencyKey: idempotencyKeyOf(call),
        },
        asCaller(call),
      );
      return { body: refundBody(made) };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/orders/:order_id/refunds",
    operationId: "listRefunds",
    summary: "List what was paid back of an order, newest first.",
    tag,
    access: read,
    stale: "organisation",
    params: place,
    reply: z.object({ data: z.array(refund) }),
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, orderId: call.params.order_id };
      const { refunds } = await orders.listRefunds(request, asCaller(call));
      return { body: { data: refunds.map(refundBody) } };
    },
  }),
];

export const orderRoutes = [...createRoutes, ...readRoutes, ...payRoutes, ...refundRoutes];
