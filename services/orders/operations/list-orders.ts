import type {
  ListOrdersRequest,
  ListOrdersResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { isOrderState } from "../core/order-state.ts";
import { ordersFaults } from "../faults.ts";
import { orderMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Newest first. */
export async function listOrders(
  { database }: OrdersParts,
  { organisationId, state, limit, after }: ListOrdersRequest,
  context: CallContext,
): Promise<MessageInit<ListOrdersResponse>> {
  requireMember(context, organisationId, ordersFaults.order_not_found);
  const size = pageSize(limit);
  let query = database
    .selectFrom("orders")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("id", "desc")
    .limit(size + 1);
  if (after !== "") query = query.where("id", "<", after);
  if (state !== "") {
    if (!isOrderState(state)) throw ordersFaults.malformed();
    query = query.where("state", "=", state);
  }
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { orders: rows.map((row) => orderMessage(row)), hasMore };
}
