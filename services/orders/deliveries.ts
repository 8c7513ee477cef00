/**
 * What the events of the outbox do. Each may be carried out twice, by two replicas at once: whoever
 * is asked knows a repetition by its id, and what is written down afterwards only happens to a
 * refund or order that still waits for it.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema, type AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { RefundStepSchema } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import {
  type CreditOrderRequest,
  CreditOrderRequestSchema,
  type QuotaService,
  TakeBackCreditRequestSchema,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { Fault } from "@tandem/libs/kernel";
import type { RpcClient } from "@tandem/libs/rpc";
import type { OutboxEvent } from "@tandem/libs/store";
import { ordersFaults } from "./faults.ts";
import type { PaymentProvider } from "./providers/provider.ts";
import { type ActionParts, act } from "./store/action.ts";
import { noteDiscrepancy } from "./store/discrepancies.ts";
import { lockOrder, moveOrder } from "./store/orders.ts";
import { completeRefund, endRefund, lockRefund, takeCredit } from "./store/refunds.ts";
import { topics } from "./topics.ts";

export interface DeliveryParts extends ActionParts {
  readonly auth: Pick<RpcClient<(typeof AuthService)["method"]>, "recordAudit">;
  readonly quota: Pick<
    RpcClient<(typeof QuotaService)["method"]>,
    "creditOrder" | "takeBackCredit"
  >;
  /** By name; one that is no longer configured pays nothing back. */
  readonly providers: ReadonlyMap<string, PaymentProvider>;
}

export async function deliver(parts: DeliveryParts, event: OutboxEvent): Promise<void> {
  const { id, topic, payload } = event;
  switch (topic) {
    case topics.audit:
      await parts.auth.recordAudit({ entry: fromBinary(AuditEntrySchema, payload), eventId: id });
      return;
    case topics.credit:
      return deliverCredit(parts, fromBinary(CreditOrderRequestSchema, payload));
    case topics.takeBack:
      return deliverTakeBack(parts, payload);
    case topics.payBack:
      return payBack(parts, fromBinary(RefundStepSchema, payload).refundId);
    default:
      throw new Error(`no step is called ${topic}`);
  }
}

/** What the wallet will not take, however often it is asked. */
const finalRefusals = new Set(["quota.currency_mismatch", "quota.idempotency_conflict"]);

async function deliverCredit(parts: DeliveryParts, credit: CreditOrderRequest): Promise<void> {
  let refusal = "";
  try {
    await parts.quota.creditOrder(credit);
  } catch (error) {
    if (!Fault.is(error) || !finalRefusals.has(error.reason)) throw error;
    refusal = error.reason;
  }
  await act(parts, "orders", async ({ tx, now, audit }) => {
    const order = await lockOrder(tx, credit.orderId);
    const { organisationId } = credit;
    if (refusal !== "") {
      await noteDiscrepancy(
        tx,
        {
          ...{ kind: "credit_refused", provider: "quota", reference: credit.eventId },
          ...{ organisationId, orderId: credit.orderId },
          ...{ amountNanos: credit.nanos, currency: credit.currency },
        },
        now,
      );
    }
    // Credit that comes back after a refund that failed moves no order.
    if (order === undefined) return;
    const news = await tx
      .updateTable("credits")
      .set(refusal === "" ? { acknowledged_at: now } : { refusal })
      .where("order_id", "=", order.id)
      .where("acknowledged_at", "is", null)
      .executeTakeFirst();
    if (refusal !== "" || news.numUpdatedRows === 0n) return;
    await moveOrder(tx, order, { event: "fulfil", changes: { fulfilled_at: now } });
    audit({ organisationId, action: "order.fulfilled", target: order.id });
  });
}

async function deliverTakeBack(parts: DeliveryParts, payload: Uint8Array): Promise<void> {
  const request = fromBinary(TakeBackCreditRequestSchema, payload);
  const { takenNanos, remainingNanos } = await parts.quota.takeBackCredit(request);
  await act(parts, "orders", async (action) => {
    const refund = await lockRefund(action.tx, request.refundId, "requested");
    if (refund === undefined) return;
    if (takenNanos > 0n || request.atMost) return takeCredit(action, { refund, takenNanos });
    const detail = `Only ${remainingNanos} nanos of the order's credit are left.`;
    await endRefund(action, refund, { state: "refused", detail });
  });
}

async function payBack(parts: DeliveryParts, refundId: string): Promise<void> {
  const { database } = parts;
  const refund = await database
    .selectFrom("refunds")
    .innerJoin("payments", "payments.id", "refunds.payment_id")
    .selectAll("refunds")
    .select(["payments.provider", "payments.provider_reference as payment_reference", "currency"])
    .where("refunds.id", "=", refundId)
    .where("refunds.state", "=", "credit_taken")
    .executeTakeFirst();
  if (refund === undefined) return;
  const provider = parts.providers.get(refund.provider);
  if (provider === undefined) throw ordersFaults.provider_unconfigured();
  const outcome = await provider.refund({
    refundId,
    paymentReference: refund.payment_reference,
    amountNanos: refund.amount_nanos,
    currency: refund.currency,
    reason: refund.reason,
  });
  await act(parts, "orders", async (action) => {
    const waiting = await lockRefund(action.tx, refundId, "credit_taken");
    if (waiting === undefined) return;
    if (outcome.state === "completed") {
      await completeRefund(action, waiting, outcome.reference);
    } else {
      await endRefund(action, waiting, { state: "failed", detail: outcome.detail });
    }
  });
}
