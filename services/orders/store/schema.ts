import type { Migrations } from "@tandem/libs/store";
import { outboxMigration } from "@tandem/libs/store";
import type { OrderState } from "../core/order-state.ts";
import type { PaymentState } from "../core/payment-changes.ts";
import * as products from "./migrations/0002-products.ts";
import * as orders from "./migrations/0003-orders.ts";

export type RefundState = "requested" | "credit_taken" | "completed" | "refused" | "failed";
export type RefundOrigin = "refund" | "dispute" | "provider";
export type DiscrepancyKind =
  | "paid_after_end"
  | "credit_refused"
  | "order_without_payment"
  | "payment_without_order";

/** Tables of the orders database. */
export interface Schema {
  readonly products: {
    readonly id: string;
    /** Empty for the platform's own. */
    readonly organisation_id: string;
    readonly kind: "pack" | "plan";
    readonly version: bigint;
    readonly created_at: Date;
    readonly archived_at: Date | null;
    readonly idempotency_key: string | null;
  };
  readonly product_versions: {
    readonly product_id: string;
    readonly version: bigint;
    readonly name: string;
    readonly description: string;
    readonly price_nanos: bigint;
    readonly currency: string;
    readonly tax_ppm: number;
    readonly credit_nanos: bigint;
    readonly credit_currency: string;
    readonly valid_days: number;
    readonly created_at: Date;
  };
  readonly orders: {
    readonly id: string;
    readonly organisation_id: string;
    readonly product_id: string;
    readonly product_version: bigint;
    readonly kind: string;
    readonly name: string;
    readonly quantity: number;
    readonly net_nanos: bigint;
    readonly tax_ppm: number;
    readonly tax_nanos: bigint;
    readonly total_nanos: bigint;
    readonly currency: string;
    readonly credit_nanos: bigint;
    readonly credit_currency: string;
    readonly exchange_rate: string;
    readonly valid_days: number;
    readonly state: OrderState;
    readonly dispute: "" | "open" | "won" | "lost";
    readonly reference: string;
    readonly note: string;
    readonly created_by: string;
    readonly created_at: Date;
    readonly queued_at: Date | null;
    readonly expires_at: Date;
    readonly paid_at: Date | null;
    readonly fulfilled_at: Date | null;
    readonly ended_at: Date | null;
    readonly refunded_nanos: bigint;
    readonly credit_taken_back_nanos: bigint;
    readonly version: bigint;
    readonly idempotency_key: string;
  };
  readonly order_aliases: { readonly id: string; readonly order_id: string };
  readonly refused_orders: {
    readonly id: string;
    readonly organisation_id: string;
    readonly product_id: string;
    readonly quantity: number;
    readonly reason: string;
    readonly message: string;
    readonly created_by: string;
    readonly queued_at: Date;
    readonly refused_at: Date;
    readonly idempotency_key: string;
  };
  readonly payments: {
    readonly id: string;
    readonly order_id: string;
    readonly organisation_id: string;
    readonly provider: string;
    readonly state: PaymentState;
    readonly amount_nanos: bigint;
    readonly currency: string;
    readonly provider_reference: string;
    readonly checkout_kind: string;
    readonly checkout_url: string;
    readonly checkout_text: string;
    readonly confirmed_by: string;
    readonly approved_by: string;
    readonly received_at: Date | null;
    readonly note: string;
    readonly created_at: Date;
    readonly checked_at: Date;
  };
  readonly payment_events: {
    readonly provider: string;
    readonly event_id: string;
    readonly payment_id: string;
    readonly outcome: string;
    readonly received_at: Date;
  };
  readonly credits: {
    readonly order_id: string;
    readonly event_id: string;
    readonly organisation_id: string;
    readonly nanos: bigint;
    readonly currency: string;
    readonly expires_at: Date | null;
    readonly created_at: Date;
    readonly acknowledged_at: Date | null;
    /** Why the wallet would not take it, where it would not. */
    readonly refusal: string;
  };
  readonly refunds: {
    readonly id: string;
    readonly order_id: string;
    readonly payment_id: string;
    readonly organisation_id: string;
    readonly origin: RefundOrigin;
    readonly amount_nanos: bigint;
    readonly credit_nanos: bigint;
    readonly state: RefundState;
    readonly reason: string;
    readonly detail: string;
    readonly requested_by: string;
    readonly provider_reference: string;
    readonly created_at: Date;
    readonly ended_at: Date | null;
    readonly idempotency_key: string;
  };
  readonly discrepancies: {
    readonly kind: DiscrepancyKind;
    readonly provider: string;
    readonly reference: string;
    readonly organisation_id: string;
    readonly order_id: string;
    readonly amount_nanos: bigint;
    readonly currency: string;
    readonly found_at: Date;
  };
}

/** Schema changes in their order. Every step must leave the version before it working. */
export const migrations: Migrations = {
  "0001-outbox": outboxMigration,
  "0002-products": products,
  "0003-orders": orders,
};
