import { create, toBinary } from "@bufbuild/protobuf";
import { CreditOrderRequestSchema } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { Updateable } from "@tandem/libs/store";
import { ordersFaults } from "../faults.ts";
import { topics } from "../topics.ts";
import type { Action } from "./action.ts";
import { moveOrder, type OrderRow, type PaymentRow } from "./orders.ts";
import type { Schema } from "./schema.ts";

const dayMs = 24 * 3_600_000;

/**
 * The order is paid: its state, the payment's, the entry of its credit (one for each order, by its
 * key) and the event that takes it to the wallet are one transaction. The order is locked. Throws
 * `orders.wrong_state` where it cannot be paid.
 */
export async function payOrder(
  action: Action,
  given: {
    readonly order: OrderRow;
    readonly payment: PaymentRow;
    readonly changes: Updateable<Schema["payments"]>;
  },
): Promise<OrderRow> {
  const { tx, now } = action;
  const { order, payment, changes } = given;
  const paid = await moveOrder(tx, order, {
    event: "pay",
    changes: { paid_at: now, ended_at: null },
  });
  if (paid === undefined) throw ordersFaults.wrong_state({ detail: order.state });
  // Another attempt at the same order is over now; money that still comes from it shows later.
  await tx
    .updateTable("payments")
    .set({ state: "cancelled" })
    .where("order_id", "=", order.id)
    .where("id", "<>", payment.id)
    .where("state", "in", ["preparing", "pending", "awaiting_approval"])
    .execute();
  await tx
    .updateTable("payments")
    .set({ ...changes, state: "succeeded", received_at: changes.received_at ?? now })
    .where("id", "=", payment.id)
    .execute();
  await enterCredit(action, paid);
  action.audit({
    organisationId: order.organisation_id,
    action: "order.paid",
    target: order.id,
    before: { state: order.state },
    after: { payment: payment.id, provider: payment.provider },
  });
  return paid;
}

async function enterCredit({ tx, now, tell }: Action, order: OrderRow): Promise<void> {
  const expiresAt =
    order.valid_days === 0 ? null : new Date(now.getTime() + order.valid_days * dayMs);
  const eventId = await tell(topics.credit, (id) =>
    toBinary(
      CreditOrderRequestSchema,
      create(CreditOrderRequestSchema, {
        eventId: id,
        orderId: order.id,
        organisationId: order.organisation_id,
        nanos: order.credit_nanos,
        currency: order.credit_currency,
        expiresAtMs: BigInt(expiresAt?.getTime() ?? 0),
        note: `${order.name}, ${order.reference}`,
      }),
    ),
  );
  await tx
    .insertInto("credits")
    .values({
      order_id: order.id,
      event_id: eventId,
      organisation_id: order.organisation_id,
      nanos: order.credit_nanos,
      currency: order.credit_currency,
      expires_at: expiresAt,
      created_at: now,
      acknowledged_at: null,
      refusal: "",
    })
    .execute();
}
