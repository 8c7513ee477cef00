import type { CreateProductRequest, Product } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requirePlatformPermission } from "../authority.ts";
import { productMessage, termsFromMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { insertVersion, selectCurrent } from "../store/products.ts";

/** Makes a plan or credit pack, for all organisations or one; the same one again for a key. */
export async function createProduct(
  parts: OrdersParts,
  { product, idempotencyKey }: CreateProductRequest,
  context: CallContext,
): Promise<MessageInit<Product>> {
  requirePlatformPermission(context, "packs:write");
  const organisationId = product?.organisationId ?? "";
  const terms = termsFromMessage(product);
  return act(parts, context, async ({ tx, now, audit }) => {
    const id = newId(parts.database.world, terms.kind === "pack" ? "pck" : "pln");
    const inserted = await tx
      .insertInto("products")
      .values({
        id,
        organisation_id: organisationId,
        kind: terms.kind,
        version: 1n,
        created_at: now,
        archived_at: null,
        idempotency_key: idempotencyKey || null,
      })
      .onConflict((conflict) =>
        conflict.columns(["organisation_id", "idempotency_key"]).doNothing(),
      )
      .returning("id")
      .executeTakeFirst();
    if (inserted !== undefined) {
      await insertVersion(tx, { productId: id, version: 1n, now }, terms);
      const { name } = terms;
      audit({ organisationId, action: `${terms.kind}.created`, target: id, after: { name } });
    }
    const query = selectCurrent(tx).where("products.organisation_id", "=", organisationId);
    const row = await (inserted === undefined
      ? query.where("products.idempotency_key", "=", idempotencyKey)
      : query.where("products.id", "=", id)
    ).executeTakeFirstOrThrow();
    return productMessage(row);
  });
}
