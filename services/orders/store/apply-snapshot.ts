import { newId } from "@tandem/libs/world";
import {
  changesFrom,
  isAmountRight,
  type PaymentChange,
  type PaymentSnapshot,
} from "../core/payment-changes.ts";
import type { FetchedPayment } from "../providers/provider.ts";
import { type Action, type ActionParts, act, type Doer } from "./action.ts";
import { noteDiscrepancy } from "./discrepancies.ts";
import { factsOf, lockOrder, moveOrder, type OrderRow, type PaymentRow } from "./orders.ts";
import { payOrder } from "./pay-order.ts";
import { enterRefund, refundsSum } from "./refunds.ts";

export type Applied = "applied" | "unchanged" | "mismatch";

/** An event that is the reason for asking: recorded with what came of it, so it counts once. */
export interface EventMark {
  readonly provider: string;
  readonly id: string;
}

interface Place extends Action {
  readonly parts: ActionParts;
  readonly payment: PaymentRow;
}

/**
 * Brings an order to what its provider says of the payment, in one transaction with the mark of the
 * event. Whatever was applied before changes nothing. `repeated` when the event has its mark.
 */
export function applySnapshot(
  parts: ActionParts,
  doer: Doer,
  given: {
    readonly paymentId: string;
    readonly fetched: FetchedPayment;
    readonly event?: EventMark;
  },
): Promise<Applied | "repeated"> {
  const { paymentId, fetched, event } = given;
  return act(parts, doer, async (action) => {
    const { tx, now } = action;
    const known = await tx
      .selectFrom("payments")
      .select("order_id")
      .where("id", "=", paymentId)
      .executeTakeFirstOrThrow();
    const order = await lockOrder(tx, known.order_id);
    const payment = await tx
      .selectFrom("payments")
      .selectAll()
      .where("id", "=", paymentId)
      .executeTakeFirstOrThrow();
    if (order === undefined) throw new Error(`payment ${paymentId} has no order`);
    if (event !== undefined) {
      const marked = await tx
        .insertInto("payment_events")
        .values({
          ...{ provider: event.provider, event_id: event.id, payment_id: paymentId },
          ...{ outcome: "applied", received_at: now },
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (marked.numInsertedOrUpdatedRows === 0n) return "repeated";
    }
    await tx.updateTable("payments").set({ checked_at: now }).where("id", "=", paymentId).execute();
    const isOurs = fetched.paymentId === paymentId;
    if (!isOurs || !isAmountRight({ ...payment, ...amountOf(payment), dispute: "" }, fetched)) {
      return "mismatch";
    }
    return applyAll({ ...action, parts, payment }, order, fetched);
  });
}

function amountOf(payment: PaymentRow) {
  return { amountNanos: payment.amount_nanos, currency: payment.currency };
}

async function applyAll(
  place: Place,
  order: OrderRow,
  snapshot: PaymentSnapshot,
): Promise<Applied> {
  const { payment, tx } = place;
  const changes = changesFrom(
    {
      order: factsOf(order),
      payment: { state: payment.state, ...amountOf(payment), dispute: order.dispute },
      refundsNanos: await refundsSum(tx, order.id),
    },
    snapshot,
  );
  let current = order;
  for (const change of changes) current = await applyChange(place, current, change);
  return changes.length === 0 ? "unchanged" : "applied";
}

async function applyChange(
  place: Place,
  order: OrderRow,
  change: PaymentChange,
): Promise<OrderRow> {
  const { tx, now, payment } = place;
  const endPayment = (state: "failed" | "expired") =>
    tx.updateTable("payments").set({ state }).where("id", "=", payment.id).execute();
  switch (change.kind) {
    case "pay":
      return payOrder(place, { order, payment, changes: {} });
    case "pay_late":
      await noteDiscrepancy(tx, lateMoney(order, payment), now);
      return order;
    case "fail":
      await endPayment("failed");
      return (await moveOrder(tx, order, { event: "fail", changes: {} })) ?? order;
    case "expire":
      await endPayment("expired");
      return (await moveOrder(tx, order, { event: "expire", changes: { ended_at: now } })) ?? order;
    case "refund":
      await enterPaidBack(place, order, { origin: "provider", amountNanos: change.amountNanos });
      return order;
    default:
      return applyDispute(place, order, change.kind);
  }
}

function lateMoney(order: OrderRow, payment: PaymentRow) {
  return {
    kind: "paid_after_end",
    provider: payment.provider,
    reference: payment.provider_reference || payment.id,
    organisationId: order.organisation_id,
    orderId: order.id,
    ...amountOf(payment),
  } as const;
}

async function applyDispute(
  place: Place,
  order: OrderRow,
  kind: "dispute" | "win" | "lose",
): Promise<OrderRow> {
  const { tx, audit } = place;
  const dispute = ({ dispute: "open", win: "won", lose: "lost" } as const)[kind];
  const moved = await moveOrder(tx, order, { event: kind, changes: { dispute } });
  audit({
    organisationId: order.organisation_id,
    action: `order.dispute_${dispute}`,
    target: order.id,
  });
  const current = moved ?? order;
  if (kind === "lose") {
    const left = order.total_nanos - (await refundsSum(tx, order.id));
    await enterPaidBack(place, current, { origin: "dispute", amountNanos: left });
  }
  return current;
}

/** Money that went back without our doing: its credit follows, as far as it is still there. */
async function enterPaidBack(
  place: Place,
  order: OrderRow,
  wanted: { readonly origin: "dispute" | "provider"; readonly amountNanos: bigint },
): Promise<void> {
  const { tx, payment, parts } = place;
  const left = order.total_nanos - (await refundsSum(tx, order.id));
  const amountNanos = wanted.amountNanos < left ? wanted.amountNanos : left;
  if (amountNanos < 1n) return;
  const id = newId(parts.database.world, "rfd");
  await enterRefund(place, {
    ...{ id, order, amountNanos, paymentId: payment.id, origin: wanted.origin },
    ...{ reason: `${wanted.origin} at ${payment.provider}`, idempotencyKey: id },
  });
}
