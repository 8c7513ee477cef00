/**
 * What takes the money. A provider is a folder behind this interface; the service knows none of
 * them by name but where it builds the one that is configured. Its state is the provider's own:
 * whatever an event says, `fetchPayment` is asked before anything is credited.
 */
import type { PaymentSnapshot } from "../core/payment-changes.ts";

/** What is to be paid; everything that a provider is told of an order. */
export interface PaymentWanted {
  /** `pay_…`, and the idempotency key of everything that is done for it. */
  readonly paymentId: string;
  readonly orderId: string;
  /** What a payer writes on a transfer. */
  readonly orderReference: string;
  readonly description: string;
  readonly amountNanos: bigint;
  readonly currency: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** How the buyer pays. */
export interface Checkout {
  /** The provider's name for the payment. */
  readonly reference: string;
  readonly kind: "redirect" | "instructions";
  readonly url: string;
  readonly text: string;
}

/** What an event says once its signature has been checked: only whom to ask about. */
export interface VerifiedEvent {
  readonly id: string;
  /** Of ours, as the provider was given it; empty where the event names none. */
  readonly paymentId: string;
  /** The provider's; empty where the event is about a part of a payment. */
  readonly reference: string;
  /** That part, for `lookUp`. */
  readonly part: string;
}

/** A payment as its provider has it. */
export interface FetchedPayment extends PaymentSnapshot {
  /** Ours, as the provider was given it: one of another payment is worth nothing. */
  readonly paymentId: string;
}

/** Why an event is turned away; a label of a metric, so a closed set. */
export type EventRefusal = "unsigned" | "forged" | "stale" | "malformed" | "too_large";

export interface RefundWanted {
  /** `rfd_…`, and its idempotency key. */
  readonly refundId: string;
  readonly paymentReference: string;
  readonly amountNanos: bigint;
  readonly currency: string;
  readonly reason: string;
}

export type RefundOutcome =
  | { readonly state: "completed"; readonly reference: string }
  | { readonly state: "failed"; readonly detail: string };

/** A payment that the provider has, for finding those that we do not. */
export interface ListedPayment {
  readonly reference: string;
  readonly paymentId: string;
  readonly amountNanos: bigint;
  readonly currency: string;
}

export interface PaymentProvider {
  readonly name: string;
  readonly capabilities: {
    /** Empty: every currency. */
    readonly currencies: readonly string[];
    readonly partialRefund: boolean;
    /** People confirm its payments. */
    readonly isConfirmedByPeople: boolean;
  };
  /** Repeated for the same payment it gives the same checkout. */
  createCheckout(wanted: PaymentWanted): Promise<Checkout>;
  /** Absent where nobody sends events. */
  verifyEvent?(
    rawBody: Uint8Array,
    headers: Readonly<Record<string, string>>,
    nowMs: number,
  ): VerifiedEvent | EventRefusal;
  /** Absent where people are asked instead. Undefined: the provider knows no such payment. */
  fetchPayment?(reference: string): Promise<FetchedPayment | undefined>;
  /** The provider's name of the payment that a part belongs to; empty for none. */
  lookUp?(part: string): Promise<string>;
  /** Paid ones, made since then; at most some hundreds. */
  listPayments?(sinceMs: number): Promise<readonly ListedPayment[]>;
  /** Repeated for the same refund it pays once. */
  refund(wanted: RefundWanted): Promise<RefundOutcome>;
}
