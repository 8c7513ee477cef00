/**
 * The life of an order:
 *
 *   awaiting_payment → paid → fulfilled → partially_refunded → refunded
 *     ├→ expired ┐        └──────┴→ disputed → lost, or back when won
 *     ├→ failed ─┴→ paid (the money came after all)
 *     └→ cancelled
 *
 * `paid`: the money is there; `fulfilled`: so is the credit. A failed one goes back to
 * awaiting_payment with a new attempt. An expired one is paid when its money comes late, since it
 * was taken; a cancelled one never is: its money is for people to look at.
 */
export const orderStates = [
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
] as const;

export type OrderState = (typeof orderStates)[number];

export type OrderEvent =
  | "pay"
  | "fulfil"
  | "expire"
  | "cancel"
  | "fail"
  | "retry"
  | "refund"
  | "dispute"
  | "win"
  | "lose";

/** What an order has been through, as far as it decides. */
export interface OrderFacts {
  readonly state: OrderState;
  readonly totalNanos: bigint;
  /** With the refund that the event is about. */
  readonly refundedNanos: bigint;
  readonly isFulfilled: boolean;
}

const simple: Readonly<Record<string, Readonly<Partial<Record<OrderEvent, OrderState>>>>> = {
  awaiting_payment: { pay: "paid", expire: "expired", cancel: "cancelled", fail: "failed" },
  failed: { pay: "paid", retry: "awaiting_payment", expire: "expired", cancel: "cancelled" },
  expired: { pay: "paid" },
  paid: { fulfil: "fulfilled", dispute: "disputed" },
  fulfilled: { dispute: "disputed" },
  partially_refunded: { dispute: "disputed" },
  disputed: { fulfil: "disputed", lose: "lost" },
};

/** The state after the event; undefined where it cannot happen, and nothing changes. */
export function nextState(facts: OrderFacts, event: OrderEvent): OrderState | undefined {
  const { state } = facts;
  if (event === "refund") {
    const isRefundable =
      state === "paid" || state === "fulfilled" || state === "partially_refunded";
    return isRefundable ? standing(facts) : undefined;
  }
  if (event === "win") return state === "disputed" ? standing(facts) : undefined;
  return simple[state]?.[event];
}

/** Where a paid order stands by what was given and taken back. */
function standing({ totalNanos, refundedNanos, isFulfilled }: OrderFacts): OrderState {
  if (refundedNanos >= totalNanos) return "refunded";
  if (refundedNanos > 0n) return "partially_refunded";
  return isFulfilled ? "fulfilled" : "paid";
}

export function isOrderState(text: string): text is OrderState {
  return (orderStates as readonly string[]).includes(text);
}
