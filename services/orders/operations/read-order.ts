/** What several operations do with an order: find it, lock it, tell it. */
import type { Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { ordersFaults } from "../faults.ts";
import { orderMessage } from "../messages.ts";
import type { Action } from "../store/action.ts";
import {
  findOrder,
  lockOrder,
  newestPayment,
  type OrderPlace,
  type OrderRow,
  type PaymentRow,
  type Reader,
} from "../store/orders.ts";

/** The organisation's order, locked. Throws `orders.order_not_found`. */
export async function takeOrder({ tx }: Action, place: OrderPlace): Promise<OrderRow> {
  const found = await findOrder(tx, place);
  const order = found === undefined ? undefined : await lockOrder(tx, found.id);
  if (order === undefined) throw ordersFaults.order_not_found();
  return order;
}

/** Anybody's order, locked, for whoever may see them all. Throws `orders.order_not_found`. */
export async function takeAnyOrder({ tx }: Action, id: string): Promise<OrderRow> {
  const order = await lockOrder(tx, id);
  if (order === undefined) throw ordersFaults.order_not_found();
  return order;
}

/** The newest attempt at paying it. Throws `orders.wrong_state` when there is none. */
export async function takePayment({ tx }: Action, order: OrderRow): Promise<PaymentRow> {
  const payment = await newestPayment(tx, order.id);
  if (payment === undefined) throw ordersFaults.wrong_state();
  return payment;
}

export async function tellOrder(reader: Reader, order: OrderRow): Promise<MessageInit<Order>> {
  const credit = await reader
    .selectFrom("credits")
    .selectAll()
    .where("order_id", "=", order.id)
    .executeTakeFirst();
  return orderMessage(order, await newestPayment(reader, order.id), credit);
}
