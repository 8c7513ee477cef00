import type { GetProductRequest, Product } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isPlatform, requireMember } from "../authority.ts";
import { allows } from "../core/permission.ts";
import { ordersFaults } from "../faults.ts";
import { productMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { selectCurrent } from "../store/products.ts";

/** One that is offered to everybody, or to this organisation. */
export async function getProduct(
  { database }: OrdersParts,
  { organisationId, id, kind }: GetProductRequest,
  context: CallContext,
): Promise<MessageInit<Product>> {
  let query = selectCurrent(database).where("products.id", "=", id);
  // Whoever makes offers sees those of every organisation.
  if (!isPlatform(context) && !allows(context.passport, "packs:write")) {
    requireMember(context, organisationId, ordersFaults.product_not_found);
    query = query.where("products.organisation_id", "in", [organisationId, ""]);
  }
  if (kind === "pack" || kind === "plan") query = query.where("products.kind", "=", kind);
  const row = await query.executeTakeFirst();
  if (row === undefined) throw ordersFaults.product_not_found();
  return productMessage(row);
}
