import type {
  ListProductsRequest,
  ListProductsResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { productMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { pageOf, pageSize } from "../store/page.ts";
import { selectCurrent } from "../store/products.ts";

/** What the organisation may order, newest first; archived ones are left out. */
export async function listProducts(
  { database }: OrdersParts,
  { organisationId, kind, limit, after }: ListProductsRequest,
  context: CallContext,
): Promise<MessageInit<ListProductsResponse>> {
  requireMember(context, organisationId, ordersFaults.product_not_found);
  if (kind !== "pack" && kind !== "plan") throw ordersFaults.malformed();
  const size = pageSize(limit);
  let query = selectCurrent(database)
    .where("products.kind", "=", kind)
    .where("products.organisation_id", "in", [organisationId, ""])
    .where("products.archived_at", "is", null)
    .orderBy("products.id", "desc")
    .limit(size + 1);
  if (after !== "") query = query.where("products.id", "<", after);
  const [rows, hasMore] = pageOf(await query.execute(), size);
  return { products: rows.map(productMessage), hasMore };
}
