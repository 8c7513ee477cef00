/**
 * A provider in Stripe's style: a checkout page, signed events, refunds by API. Nothing of what an
 * event says is believed but whom to ask about; the return page credits nothing.
 */
import { Fault } from "@tandem/libs/kernel";
import { z } from "zod";
import { ordersFaults } from "../../faults.ts";
import type {
  EventRefusal,
  FetchedPayment,
  ListedPayment,
  PaymentProvider,
  VerifiedEvent,
} from "../provider.ts";
import { createStripeApi, type StripeApi } from "./stripe-api.ts";
import { fromMinorUnits, toMinorUnits } from "./stripe-money.ts";
import { refusalOfSignature } from "./stripe-signature.ts";

export interface StripeOptions {
  readonly baseUrl: string;
  readonly secretKey: string;
  readonly webhookSecret: string;
  readonly returnUrl: string;
}

const eventBytesMax = 256 * 1024;
const pageSize = 100;
const pagesMax = 5;
/** A checkout page lives at least half an hour and at most a day. */
const checkoutMsMin = 31 * 60_000;
const checkoutMsMax = 24 * 3_600_000 - 60_000;

const charge = z.object({
  amount_refunded: z.int().min(0),
  dispute: z.object({ status: z.string() }).nullish(),
});

const session = z.object({
  id: z.string(),
  url: z.string().nullish(),
  client_reference_id: z.string().nullish(),
  payment_status: z.enum(["paid", "unpaid", "no_payment_required"]),
  status: z.enum(["open", "complete", "expired"]),
  amount_total: z.int().nullish(),
  currency: z.string().nullish(),
  payment_intent: z
    .object({ id: z.string(), status: z.string(), latest_charge: charge.nullish() })
    .nullish(),
});

type Session = z.output<typeof session>;

const event = z.object({
  id: z.string().min(1).max(255),
  data: z.object({
    object: z.looseObject({
      id: z.string().max(255),
      object: z.string(),
      client_reference_id: z.string().max(64).nullish(),
      payment_intent: z.string().max(255).nullish(),
      metadata: z.record(z.string(), z.string()).nullish(),
    }),
  }),
});

export function stripeProvider(
  options: StripeOptions,
  world: { readonly nowMs: () => number },
): PaymentProvider {
  const api = createStripeApi(options);
  return {
    name: "stripe",
    capabilities: { currencies: [], partialRefund: true, isConfirmedByPeople: false },
    async createCheckout(wanted) {
      const amount = toMinorUnits(wanted.amountNanos, wanted.currency);
      if (amount === undefined) throw ordersFaults.amount_unpayable();
      const nowMs = world.nowMs();
      const leftMs = Math.min(Math.max(wanted.expiresAtMs - nowMs, checkoutMsMin), checkoutMsMax);
      const metadata = { payment_id: wanted.paymentId, order_id: wanted.orderId };
      const made = session.parse(
        await api.post(
          "/v1/checkout/sessions",
          {
            mode: "payment",
            client_reference_id: wanted.paymentId,
            success_url: options.returnUrl,
            cancel_url: options.returnUrl,
            expires_at: String(Math.floor((nowMs + leftMs) / 1000)),
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": wanted.currency.toLowerCase(),
            "line_items[0][price_data][unit_amount]": String(amount),
            "line_items[0][price_data][product_data][name]": wanted.description,
            "metadata[payment_id]": metadata.payment_id,
            "metadata[order_id]": metadata.order_id,
            "payment_intent_data[metadata][payment_id]": metadata.payment_id,
          },
          wanted.paymentId,
        ),
      );
      return { reference: made.id, kind: "redirect", url: made.url ?? "", text: "" };
    },
    verifyEvent: (rawBody, headers, nowMs) =>
      verifyEvent({ rawBody, header: headers["stripe-signature"], nowMs }, options.webhookSecret),
    fetchPayment: (reference) => fetchPayment(api, reference),
    async lookUp(part) {
      const query = `limit=1&payment_intent=${encodeURIComponent(part)}`;
      const { data } = z
        .object({ data: z.array(z.object({ id: z.string() })) })
        .parse(await api.get(`/v1/checkout/sessions?${query}`));
      return data[0]?.id ?? "";
    },
    listPayments: (sinceMs) => listPayments(api, sinceMs),
    async refund(wanted) {
      const amount = toMinorUnits(wanted.amountNanos, wanted.currency);
      if (amount === undefined) return { state: "failed", detail: "no whole minor units" };
      const paid = await findSession(api, wanted.paymentReference);
      const intent = paid?.payment_intent?.id;
      if (intent === undefined) return { state: "failed", detail: "the provider has no payment" };
      const fields = { payment_intent: intent, amount: String(amount) };
      try {
        const made = z
          .object({ id: z.string(), status: z.string() })
          .parse(await api.post("/v1/refunds", fields, wanted.refundId));
        if (made.status === "failed" || made.status === "canceled") {
          return { state: "failed", detail: made.status };
        }
        return { state: "completed", reference: made.id };
      } catch (error) {
        if (!Fault.is(error) || error.reason !== "orders.provider_refused") throw error;
        return { state: "failed", detail: error.detail ?? "" };
      }
    },
  };
}

function verifyEvent(
  given: {
    readonly rawBody: Uint8Array;
    readonly header: string | undefined;
    readonly nowMs: number;
  },
  secret: string,
): VerifiedEvent | EventRefusal {
  if (given.rawBody.length > eventBytesMax) return "too_large";
  const refusal = refusalOfSignature({ ...given, secret });
  if (refusal !== undefined) return refusal;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(given.rawBody).toString("utf8"));
  } catch {
    return "malformed";
  }
  const checked = event.safeParse(parsed);
  if (!checked.success) return "malformed";
  const { id, data } = checked.data;
  const { object } = data;
  const isSession = object.object === "checkout.session";
  return {
    id,
    paymentId: object.metadata?.["payment_id"] ?? object.client_reference_id ?? "",
    reference: isSession ? object.id : "",
    // Disputes and refunds carry no word of ours, only whose payment they are about.
    part: object.payment_intent ?? (object.object === "payment_intent" ? object.id : ""),
  };
}

const expansion = "expand[]=payment_intent.latest_charge.dispute";

async function findSession(api: StripeApi, reference: string): Promise<Session | undefined> {
  const place = `/v1/checkout/sessions/${encodeURIComponent(reference)}?${expansion}`;
  const found = await api.find(place);
  if (found === undefined) return undefined;
  const parsed = session.safeParse(found);
  // An answer that is not like its own says nothing about a payment.
  if (!parsed.success) throw ordersFaults.provider_away({ detail: "an answer of another form" });
  return parsed.data;
}

async function fetchPayment(
  api: StripeApi,
  reference: string,
): Promise<FetchedPayment | undefined> {
  const found = await findSession(api, reference);
  if (found === undefined) return undefined;
  const currency = (found.currency ?? "").toUpperCase();
  const taken = found.payment_intent?.latest_charge;
  return {
    paymentId: found.client_reference_id ?? "",
    state: stateOf(found),
    amountNanos: fromMinorUnits(found.amount_total ?? 0, currency),
    currency,
    refundedNanos: fromMinorUnits(taken?.amount_refunded ?? 0, currency),
    dispute: disputeOf(taken?.dispute?.status),
  };
}

function stateOf(found: Session): FetchedPayment["state"] {
  if (found.payment_status === "paid") return "succeeded";
  if (found.status === "expired") return "expired";
  return found.payment_intent?.status === "canceled" ? "failed" : "pending";
}

function disputeOf(status: string | undefined): FetchedPayment["dispute"] {
  if (status === undefined) return "";
  return status === "won" || status === "lost" ? status : "open";
}

async function listPayments(api: StripeApi, sinceMs: number): Promise<readonly ListedPayment[]> {
  const page = z.object({ data: z.array(session), has_more: z.boolean() });
  const listed: ListedPayment[] = [];
  let after = "";
  for (let count = 0; count < pagesMax; count += 1) {
    const query = `limit=${pageSize}&created[gte]=${Math.floor(sinceMs / 1000)}`;
    const cursor = after === "" ? "" : `&starting_after=${encodeURIComponent(after)}`;
    const { data, has_more: hasMore } = page.parse(
      await api.get(`/v1/checkout/sessions?${query}${cursor}`),
    );
    for (const { id, payment_status: status, ...rest } of data) {
      if (status !== "paid") continue;
      const currency = (rest.currency ?? "").toUpperCase();
      const amountNanos = fromMinorUnits(rest.amount_total ?? 0, currency);
      listed.push({
        ...{ reference: id, paymentId: rest.client_reference_id ?? "" },
        ...{ amountNanos, currency },
      });
    }
    after = data.at(-1)?.id ?? "";
    if (!hasMore || after === "") break;
  }
  return listed;
}
