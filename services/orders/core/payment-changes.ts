/**
 * What a provider's own word about a payment means for an order. Events are only a reason to ask:
 * whatever they say, and in whatever order they come, the provider's state at the moment of asking
 * decides, and what it decides twice changes nothing. Pure.
 */
import { nextState, type OrderFacts } from "./order-state.ts";

export type PaymentState =
  | "preparing"
  | "pending"
  | "awaiting_approval"
  | "succeeded"
  | "failed"
  | "expired"
  | "cancelled";

/** A payment as its provider has it. */
export interface PaymentSnapshot {
  readonly state: "pending" | "succeeded" | "failed" | "expired";
  readonly amountNanos: bigint;
  readonly currency: string;
  /** Paid back altogether, by us or by hand at the provider's. */
  readonly refundedNanos: bigint;
  readonly dispute: "" | "open" | "won" | "lost";
}

export interface KnownPayment {
  readonly state: PaymentState;
  readonly amountNanos: bigint;
  readonly currency: string;
  readonly dispute: "" | "open" | "won" | "lost";
}

export type PaymentChange =
  | { readonly kind: "pay" }
  /** The money came for an order that had ended: for people to look at. */
  | { readonly kind: "pay_late" }
  | { readonly kind: "fail" }
  | { readonly kind: "expire" }
  | { readonly kind: "dispute" | "win" | "lose" }
  /** Paid back at the provider's, without us. */
  | { readonly kind: "refund"; readonly amountNanos: bigint };

/** Thrown nowhere: an amount or currency that is not the order's makes the whole word worthless. */
export function isAmountRight(payment: KnownPayment, snapshot: PaymentSnapshot): boolean {
  return (
    snapshot.state !== "succeeded" ||
    (snapshot.amountNanos === payment.amountNanos && snapshot.currency === payment.currency)
  );
}

export function changesFrom(
  known: {
    readonly order: OrderFacts;
    readonly payment: KnownPayment;
    /** Refunds that we made or are making, the provider's own ones included. */
    readonly refundsNanos: bigint;
  },
  snapshot: PaymentSnapshot,
): readonly PaymentChange[] {
  const { order, payment } = known;
  if (snapshot.state === "failed") return payment.state === "pending" ? [{ kind: "fail" }] : [];
  if (snapshot.state === "expired") return payment.state === "pending" ? [{ kind: "expire" }] : [];
  if (snapshot.state === "pending") return [];
  const changes: PaymentChange[] = [];
  const isPaidHere = payment.state === "succeeded";
  const canPay = nextState(order, "pay") !== undefined;
  if (!isPaidHere) changes.push({ kind: canPay ? "pay" : "pay_late" });
  if (!isPaidHere && !canPay) return changes;
  if (snapshot.dispute !== payment.dispute) changes.push(...disputeChanges(payment, snapshot));
  const unknownRefunds = snapshot.refundedNanos - known.refundsNanos;
  if (unknownRefunds > 0n) changes.push({ kind: "refund", amountNanos: unknownRefunds });
  return changes;
}

function disputeChanges(
  payment: KnownPayment,
  { dispute }: PaymentSnapshot,
): readonly PaymentChange[] {
  if (dispute === "open") return [{ kind: "dispute" }];
  if (dispute === "") return [];
  const first: readonly PaymentChange[] = payment.dispute === "" ? [{ kind: "dispute" }] : [];
  return [...first, { kind: dispute === "won" ? "win" : "lose" }];
}
