/** Payments of all orders, what does not fit, and the door for providers' events. */
import type { InspectedOrder } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import {
  idField,
  moneyField,
  moneyOf,
  pageOf,
  pageQuery,
  pageReply,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { order, orderBody, payment, paymentBody, refund, refundBody } from "./order-body.ts";
import { asCaller, asPlatform, route } from "./services.ts";

const tag = "Payments";

const confirming = { permission: "payments:confirm" } as const;

/** As finance sees it: whose it is, and what was paid back. */
const orderOfSomebody = order
  .extend({ organisation_id: z.string(), refunds: z.array(refund) })
  .meta({ id: "OrderOfSomebody" });

function inspectedBody(found: InspectedOrder): z.input<typeof orderOfSomebody> {
  if (found.order === undefined) throw new Error("orders answered without the order");
  return {
    ...orderBody(found.order),
    organisation_id: found.order.organisationId,
    refunds: found.refunds.map(refundBody),
  };
}

/** Everything that a provider may sign with; no other header goes on. */
const signatureHeaders = [
  ...["stripe-signature", "webhook-id", "webhook-timestamp", "webhook-signature"],
];

/** The platform's: every organisation's orders, for whoever confirms that money came. */
const financeRoutes = [
  route({
    method: "GET",
    path: "/api/v1/payments/orders",
    operationId: "listWaitingOrders",
    summary: "List orders of all organisations whose payment people have to confirm or approve.",
    tag,
    access: confirming,
    query: pageQuery,
    reply: pageOf(order.extend({ organisation_id: z.string() }).meta({ id: "WaitingOrder" })),
    async handle(call, { orders }) {
      const { limit, after } = call.query;
      const found = await orders.listWaitingOrders({ limit, after }, asCaller(call));
      return pageReply({
        items: found.orders.map((message) => ({
          ...orderBody(message),
          organisation_id: message.organisationId,
        })),
        hasMore: found.hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/payments/orders/:order_id",
    operationId: "inspectOrder",
    summary: "Read an order of any organisation, with its refunds.",
    tag,
    access: confirming,
    params: z.strictObject({ order_id: idField("ord") }),
    reply: orderOfSomebody,
    async handle(call, { orders }) {
      const found = await orders.inspectOrder({ id: call.params.order_id }, asCaller(call));
      return { body: inspectedBody(found) };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/payments/references/:reference",
    operationId: "findOrderByReference",
    summary: "Find the order that a transfer is for, by what the payer wrote.",
    tag,
    access: confirming,
    params: z.strictObject({ reference: z.string().regex(/^[A-Za-z0-9-]{5,30}$/) }),
    reply: orderOfSomebody,
    async handle(call, { orders }) {
      const { reference } = call.params;
      return { body: inspectedBody(await orders.inspectOrder({ reference }, asCaller(call))) };
    },
  }),
];

const ownRoutes = [
  route({
    method: "GET",
    path: "/api/v1/payments",
    operationId: "listPayments",
    summary: "List payments of all orders, newest first.",
    tag,
    access: { permission: "orders:read" },
    stale: "organisation",
    query: pageQuery,
    reply: pageOf(payment),
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const { limit, after } = call.query;
      const found = await orders.listPayments({ organisationId, limit, after }, asCaller(call));
      return pageReply({
        items: found.payments.map(paymentBody),
        hasMore: found.hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/payments/discrepancies",
    operationId: "listDiscrepancies",
    summary: "List money and orders that do not fit: somebody has to look at them.",
    tag,
    access: confirming,
    reply: z.object({
      data: z.array(
        z.object({
          kind: z.string().meta({
            description:
              "paid_after_end, credit_refused, order_without_payment or payment_without_order.",
          }),
          provider: z.string(),
          reference: z.string(),
          order_id: z.string().nullable(),
          organisation_id: z.string().nullable(),
          amount: moneyField,
          found_at: timeField.nullable(),
        }),
      ),
    }),
    async handle(call, { orders }) {
      const found = await orders.listDiscrepancies({}, asCaller(call));
      return {
        body: {
          data: found.discrepancies.map((entry) => ({
            kind: entry.kind,
            provider: entry.provider,
            reference: entry.reference,
            order_id: entry.orderId || null,
            organisation_id: entry.organisationId || null,
            amount: moneyOf(entry.amountNanos, entry.currency),
            found_at: timeOf(entry.foundAtMs),
          })),
        },
      };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/payments/events/:provider",
    operationId: "receivePaymentEvent",
    summary: "For the configured payment provider: takes its signed events.",
    description:
      "An event credits nothing by itself: the provider is asked for the payment. 404 for a " +
      "provider that is not configured; 503 when it should be sent again.",
    tag,
    access: "public",
    status: 200,
    bodyLimitBytes: 256 * 1024,
    rawBody: true,
    faults: ["orders.event_refused", "orders.provider_unknown", "orders.provider_away"],
    params: z.strictObject({ provider: z.string().regex(/^[a-z]{1,20}$/) }),
    reply: z.object({
      outcome: z.string().meta({ description: "applied, unchanged, repeated or unknown." }),
    }),
    async handle(call, { orders }) {
      const headers: Record<string, string> = {};
      for (const name of signatureHeaders) {
        const value = call.header(name);
        if (value !== undefined) headers[name] = value;
      }
      const { outcome } = await orders.receivePaymentEvent(
        { provider: call.params.provider, body: new Uint8Array(call.bytes), headers },
        asPlatform(call),
      );
      return { body: { outcome } };
    },
  }),
];

export const paymentRoutes = [...ownRoutes, ...financeRoutes];
