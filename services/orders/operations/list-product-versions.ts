import type {
  GetProductRequest,
  ListProductsResponse,
} from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { ordersFaults } from "../faults.ts";
import { productMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { selectVersions } from "../store/products.ts";

const versionsMax = 100;

/** The versions of one product, newest first; the last hundred. */
export async function listProductVersions(
  { database }: OrdersParts,
  { organisationId, id, kind }: GetProductRequest,
  context: CallContext,
): Promise<MessageInit<ListProductsResponse>> {
  requireMember(context, organisationId, ordersFaults.product_not_found);
  if (kind !== "pack" && kind !== "plan") throw ordersFaults.malformed();
  const rows = await selectVersions(database)
    .where("products.id", "=", id)
    .where("products.kind", "=", kind)
    .where("products.organisation_id", "in", [organisationId, ""])
    .orderBy("product_versions.version", "desc")
    .limit(versionsMax + 1)
    .execute();
  if (rows.length === 0) throw ordersFaults.product_not_found();
  return {
    products: rows.slice(0, versionsMax).map(productMessage),
    hasMore: rows.length > versionsMax,
  };
}
