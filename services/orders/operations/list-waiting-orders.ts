import type {
  ListOrdersRequest,
  ListOrdersResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { orderMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Orders of all organisations whose payment people have to confirm or approve, newest first. */
export async function listWaitingOrders(
  { database }: OrdersParts,
  { limit, after }: ListOrdersRequest,
  context: CallContext,
): Promise<MessageInit<ListOrdersResponse>> {
  requirePlatformPermission(context, "payments:confirm");
  const size = pageSize(limit);
  let query = database
    .selectFrom("orders")
    .innerJoin("payments", "payments.order_id", "orders.id")
    .selectAll("orders")
    .where("payments.provider", "=", "manual")
    .where("payments.state", "in", ["pending", "awaiting_approval"])
    .where("orders.state", "in", ["awaiting_payment", "failed"])
    .orderBy("orders.id", "desc")
    .limit(size + 1);
  if (after !== "") query = query.where("orders.id", "<", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { orders: rows.map((row) => orderMessage(row)), hasMore };
}
