/** Order rows: found, locked, and moved from state to state. */
import type { Database, Selectable, Transaction } from "@tandem/libs/store";
import { nextState, type OrderEvent, type OrderFacts } from "../core/order-state.ts";
import type { Schema } from "./schema.ts";

export type OrderRow = Selectable<Schema["orders"]>;
export type PaymentRow = Selectable<Schema["payments"]>;
export type RefundRow = Selectable<Schema["refunds"]>;
export type CreditRow = Selectable<Schema["credits"]>;
export type RefusedRow = Selectable<Schema["refused_orders"]>;

/** Fields of an order that a step changes besides its state. */
export type OrderChanges = Partial<Omit<OrderRow, "id" | "version">>;

export type Reader = Database<Schema> | Transaction<Schema>;

export interface OrderPlace {
  readonly organisationId: string;
  readonly id: string;
}

/** By its id, or by one that a client was told besides. */
export async function findOrder(reader: Reader, place: OrderPlace): Promise<OrderRow | undefined> {
  const own = await reader
    .selectFrom("orders")
    .selectAll()
    .where("id", "=", place.id)
    .where("organisation_id", "=", place.organisationId)
    .executeTakeFirst();
  if (own !== undefined) return own;
  return reader
    .selectFrom("orders")
    .innerJoin("order_aliases", "order_aliases.order_id", "orders.id")
    .selectAll("orders")
    .where("order_aliases.id", "=", place.id)
    .where("organisation_id", "=", place.organisationId)
    .executeTakeFirst();
}

/** The order's row until the transaction ends: whoever changes anything of an order holds it. */
export function lockOrder(tx: Transaction<Schema>, id: string): Promise<OrderRow | undefined> {
  return tx.selectFrom("orders").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/** The newest attempt at paying. */
export function newestPayment(reader: Reader, orderId: string): Promise<PaymentRow | undefined> {
  return reader
    .selectFrom("payments")
    .selectAll()
    .where("order_id", "=", orderId)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
}

export function factsOf(order: OrderRow): OrderFacts {
  return {
    state: order.state,
    totalNanos: order.total_nanos,
    refundedNanos: order.refunded_nanos,
    isFulfilled: order.fulfilled_at !== null,
  };
}

/**
 * Lets the event happen to a locked order, together with other changes. Undefined, and nothing is
 * changed, where its state does not know that event.
 */
export async function moveOrder(
  tx: Transaction<Schema>,
  order: OrderRow,
  step: { readonly event: OrderEvent; readonly changes: OrderChanges },
): Promise<OrderRow | undefined> {
  const state = nextState(factsOf({ ...order, ...step.changes }), step.event);
  if (state === undefined) return undefined;
  return changeOrder(tx, order, { ...step.changes, state });
}

export async function changeOrder(
  tx: Transaction<Schema>,
  order: OrderRow,
  changes: OrderChanges,
): Promise<OrderRow> {
  return tx
    .updateTable("orders")
    .set({ ...changes, version: order.version + 1n })
    .where("id", "=", order.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
