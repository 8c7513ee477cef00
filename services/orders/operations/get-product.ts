import type { GetProductRequest, Product } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { productMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { selectCurrent } from "../store/products.ts";

/** The organisation's own, or one that the platform offers. */
export async function getProduct(
  { database }: OrdersParts,
  { organisationId, id, kind }: GetProductRequest,
  context: CallContext,
): Promise<MessageInit<Product>> {
  requireMember(context, organisationId, ordersFaults.product_not_found);
  let query = selectCurrent(database)
    .where("products.id", "=", id)
    .where("products.organisation_id", "in", [organisationId, ""]);
  if (kind === "pack" || kind === "plan") query = query.where("products.kind", "=", kind);
  const row = await query.executeTakeFirst();
  if (row === undefined) throw ordersFaults.product_not_found();
  return productMessage(row);
}
