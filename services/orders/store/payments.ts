import { newId } from "@tandem/libs/world";
import type { Action, ActionParts } from "./action.ts";
import type { OrderRow, PaymentRow } from "./orders.ts";

/** A new attempt at paying a locked or new order; how it is paid is prepared after the commit. */
export async function insertPayment(
  { database }: Pick<ActionParts, "database">,
  { tx, now }: Action,
  { order, provider }: { readonly order: OrderRow; readonly provider: string },
): Promise<PaymentRow> {
  return tx
    .insertInto("payments")
    .values({
      id: newId(database.world, "pay"),
      order_id: order.id,
      organisation_id: order.organisation_id,
      provider,
      state: "preparing",
      amount_nanos: order.total_nanos,
      currency: order.currency,
      ...{ provider_reference: "", checkout_kind: "", checkout_url: "", checkout_text: "" },
      ...{ confirmed_by: "", approved_by: "", received_at: null, note: "" },
      ...{ created_at: now, checked_at: now },
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}
