/** Refunds: entered once, then carried step by step by the events that each step leaves behind. */
import { create, toBinary } from "@bufbuild/protobuf";
import { RefundStepSchema } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import {
  CreditOrderRequestSchema,
  TakeBackCreditRequestSchema,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { sql, type Transaction, type Updateable } from "@tandem/libs/store";
import { creditShare } from "../core/order-price.ts";
import { ordersFaults } from "../faults.ts";
import { topics } from "../topics.ts";
import type { Action } from "./action.ts";
import { changeOrder, lockOrder, moveOrder, type OrderRow, type RefundRow } from "./orders.ts";
import type { RefundOrigin, Schema } from "./schema.ts";

export interface NewRefund {
  readonly id: string;
  readonly order: OrderRow;
  readonly paymentId: string;
  readonly origin: RefundOrigin;
  /** With tax. */
  readonly amountNanos: bigint;
  readonly reason: string;
  readonly idempotencyKey: string;
}

/** Money that is paid back or about to be, of an order that is locked. */
export async function refundsSum(tx: Transaction<Schema>, orderId: string): Promise<bigint> {
  const { rows } = await sql<{ sum: bigint }>`
    select coalesce(sum(amount_nanos), 0)::bigint as sum from refunds
    where order_id = ${orderId} and state not in ('refused', 'failed')`.execute(tx);
  return rows[0]?.sum ?? 0n;
}

/** Enters a refund of a locked order. Throws `orders.refund_too_much`. */
export async function enterRefund(action: Action, wanted: NewRefund): Promise<RefundRow> {
  const { tx, now, actor, audit } = action;
  const { order, amountNanos } = wanted;
  const refundedNanos = await refundsSum(tx, order.id);
  if (amountNanos < 1n || refundedNanos + amountNanos > order.total_nanos) {
    throw ordersFaults.refund_too_much();
  }
  const credit = await tx
    .selectFrom("credits")
    .select("refusal")
    .where("order_id", "=", order.id)
    .executeTakeFirst();
  const isCredited = credit !== undefined && credit.refusal === "";
  const share = creditShare({
    totalNanos: order.total_nanos,
    creditNanos: order.credit_nanos,
    ...{ refundedNanos, amountNanos },
  });
  const refund = await tx
    .insertInto("refunds")
    .values({
      id: wanted.id,
      order_id: order.id,
      payment_id: wanted.paymentId,
      organisation_id: order.organisation_id,
      origin: wanted.origin,
      amount_nanos: amountNanos,
      credit_nanos: isCredited ? share : 0n,
      state: "requested",
      reason: wanted.reason,
      detail: "",
      requested_by: actor,
      provider_reference: "",
      created_at: now,
      ended_at: null,
      idempotency_key: wanted.idempotencyKey,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  audit({
    organisationId: order.organisation_id,
    action: "refund.requested",
    target: refund.id,
    after: { order: order.id, amount_nanos: String(amountNanos), origin: wanted.origin },
  });
  if (refund.credit_nanos > 0n) await askForCredit(action, refund);
  else await takeCredit(action, { refund, takenNanos: 0n });
  return refund;
}

async function askForCredit({ tell }: Action, refund: RefundRow): Promise<void> {
  const request = create(TakeBackCreditRequestSchema, {
    refundId: refund.id,
    orderId: refund.order_id,
    organisationId: refund.organisation_id,
    nanos: refund.credit_nanos,
    // The money is gone already: take what there is.
    atMost: refund.origin !== "refund",
    note: refund.reason,
  });
  await tell(topics.takeBack, () => toBinary(TakeBackCreditRequestSchema, request));
}

/** The wallet gave the credit back: the next step is the money, unless it has gone already. */
export async function takeCredit(
  action: Action,
  { refund, takenNanos }: { readonly refund: RefundRow; readonly takenNanos: bigint },
): Promise<void> {
  const changes = { state: "credit_taken", credit_nanos: takenNanos } as const;
  await changeRefund(action, refund, changes);
  const taken = { ...refund, ...changes };
  if (refund.origin !== "refund") return completeRefund(action, taken, "");
  const step = create(RefundStepSchema, { refundId: refund.id });
  await action.tell(topics.payBack, () => toBinary(RefundStepSchema, step));
}

/** The money is back with the buyer. */
export async function completeRefund(
  action: Action,
  refund: RefundRow,
  providerReference: string,
): Promise<void> {
  const { tx, now, audit } = action;
  const order = await lockOrder(tx, refund.order_id);
  if (order === undefined) throw new Error(`refund ${refund.id} has no order`);
  await changeRefund(action, refund, {
    state: "completed",
    ended_at: now,
    provider_reference: providerReference,
  });
  const changes = {
    refunded_nanos: order.refunded_nanos + refund.amount_nanos,
    credit_taken_back_nanos: order.credit_taken_back_nanos + refund.credit_nanos,
  };
  const moved = await moveOrder(tx, order, { event: "refund", changes });
  if (moved === undefined) await changeOrder(tx, order, changes);
  const { organisation_id: organisationId } = order;
  audit({ organisationId, action: "refund.completed", target: refund.id });
}

/** It ends without money: what the wallet gave goes back into it, as an event of its own. */
export async function endRefund(
  action: Action,
  refund: RefundRow,
  ending: { readonly state: "refused" | "failed"; readonly detail: string },
): Promise<void> {
  const { tx, now, tell, audit } = action;
  await changeRefund(action, refund, { ...ending, ended_at: now });
  const { organisation_id: organisationId } = refund;
  const { state, detail } = ending;
  audit({ organisationId, action: `refund.${state}`, target: refund.id, after: { detail } });
  if (refund.state !== "credit_taken" || refund.credit_nanos === 0n) return;
  const credit = await tx
    .selectFrom("credits")
    .selectAll()
    .where("order_id", "=", refund.order_id)
    .executeTakeFirstOrThrow();
  await tell(topics.credit, (eventId) =>
    toBinary(
      CreditOrderRequestSchema,
      create(CreditOrderRequestSchema, {
        eventId,
        orderId: refund.id,
        organisationId,
        nanos: refund.credit_nanos,
        currency: credit.currency,
        expiresAtMs: BigInt(credit.expires_at?.getTime() ?? 0),
        note: "A refund could not be paid",
      }),
    ),
  );
}

async function changeRefund(
  { tx }: Action,
  refund: RefundRow,
  changes: Updateable<Schema["refunds"]>,
): Promise<void> {
  await tx.updateTable("refunds").set(changes).where("id", "=", refund.id).execute();
}

/** A refund that still waits in this state, with its order locked; undefined when it went on. */
export async function lockRefund(
  tx: Transaction<Schema>,
  refundId: string,
  state: RefundRow["state"],
): Promise<RefundRow | undefined> {
  const known = await tx
    .selectFrom("refunds")
    .select("order_id")
    .where("id", "=", refundId)
    .executeTakeFirst();
  if (known === undefined) return undefined;
  await lockOrder(tx, known.order_id);
  const refund = await tx
    .selectFrom("refunds")
    .selectAll()
    .where("id", "=", refundId)
    .executeTakeFirst();
  return refund?.state === state ? refund : undefined;
}
