import type {
  ReceivePaymentEventRequest,
  ReceivePaymentEventResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import type { OrdersParts } from "../parts.ts";
import type { PaymentProvider, VerifiedEvent } from "../providers/provider.ts";
import { applySnapshot } from "../store/apply-snapshot.ts";
import type { PaymentRow } from "../store/orders.ts";

/**
 * A provider's event: a reason to ask it, and nothing else. Its signature is checked over the very
 * bytes; then the provider's own word about the payment is applied. Every outcome is counted, and
 * what is turned away is logged, without what it said. Throws `orders.provider_unknown` for a
 * provider that is not configured, `orders.event_refused` for what it never sent, and
 * `orders.provider_away` when it cannot be asked: then it sends the event again.
 */
export async function receivePaymentEvent(
  parts: OrdersParts,
  request: ReceivePaymentEventRequest,
  context: CallContext,
): Promise<MessageInit<ReceivePaymentEventResponse>> {
  requirePlatform(context);
  const { provider } = parts;
  if (provider?.verifyEvent === undefined || provider.name !== request.provider) {
    throw ordersFaults.provider_unknown();
  }
  const nowMs = parts.database.world.clock.nowMs();
  const verified = provider.verifyEvent(request.body, request.headers, nowMs);
  if (typeof verified === "string") return turnAway(parts, context, verified);
  const outcome = await ask(parts, { provider, event: verified, context });
  if (outcome === "mismatch") return turnAway(parts, context, "mismatch");
  parts.metrics.events.add(1, { provider: provider.name, outcome });
  return { outcome };
}

function turnAway(parts: OrdersParts, context: CallContext, reason: string): never {
  const provider = parts.provider?.name ?? "";
  parts.metrics.events.add(1, { provider, outcome: reason });
  parts.log.warn("payment_event_refused", { provider, reason, request_id: context.requestId });
  throw ordersFaults.event_refused({ detail: reason });
}

async function ask(
  parts: OrdersParts,
  given: {
    readonly provider: PaymentProvider;
    readonly event: VerifiedEvent;
    readonly context: CallContext;
  },
): Promise<string> {
  const { provider, event, context } = given;
  const repeated = await parts.database
    .selectFrom("payment_events")
    .select("outcome")
    .where("provider", "=", provider.name)
    .where("event_id", "=", event.id)
    .executeTakeFirst();
  if (repeated !== undefined) return "repeated";
  const reference =
    event.reference === "" && event.part !== "" && event.paymentId === ""
      ? ((await provider.lookUp?.(event.part)) ?? "")
      : event.reference;
  const payment = await findPayment(parts, { ...event, reference }, provider.name);
  // Another shop's, or none of ours: it was signed, so it is no attack; there is nothing to do.
  if (payment === undefined) return "unknown";
  const place = payment.provider_reference || reference;
  const fetched = place === "" ? undefined : await provider.fetchPayment?.(place);
  if (fetched === undefined) return "unknown";
  const mark = { provider: provider.name, id: event.id };
  return applySnapshot(parts, context, { paymentId: payment.id, fetched, event: mark });
}

/** Of this provider only: another one's event says nothing about it. */
async function findPayment(
  { database }: OrdersParts,
  event: Pick<VerifiedEvent, "paymentId" | "reference">,
  provider: string,
): Promise<PaymentRow | undefined> {
  const query = database.selectFrom("payments").selectAll().where("provider", "=", provider);
  if (event.paymentId !== "") {
    return query.where("id", "=", event.paymentId).executeTakeFirst();
  }
  if (event.reference === "") return undefined;
  return query.where("provider_reference", "=", event.reference).executeTakeFirst();
}
