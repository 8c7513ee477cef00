import type { Product, UpdateProductRequest } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { areSameTerms } from "../core/product.ts";
import { ordersFaults } from "../faults.ts";
import { productMessage, termsFromMessage } from "../messages.ts";
import type { OrdersParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { isConfigured } from "../store/configured-products.ts";
import { insertVersion, selectCurrent, termsOf } from "../store/products.ts";

/** Writes the next version, archives (`archived_at_ms` other than 0) or brings back. */
export async function updateProduct(
  parts: OrdersParts,
  { product: wanted, expectedVersion }: UpdateProductRequest,
  context: CallContext,
): Promise<MessageInit<Product>> {
  if (wanted === undefined) throw ordersFaults.malformed();
  requirePlatformPermission(context, "packs:write");
  const { id } = wanted;
  const terms = termsFromMessage(wanted);
  return act(parts, context, async ({ tx, now, audit }) => {
    // Locked by itself first: a join that waited for the lock would not find the new version.
    await tx.selectFrom("products").select("id").where("id", "=", id).forUpdate().execute();
    const found = await selectCurrent(tx)
      .where("products.id", "=", id)
      .where("products.kind", "=", terms.kind)
      .executeTakeFirst();
    if (found === undefined) throw ordersFaults.product_not_found();
    if (isConfigured(id)) throw ordersFaults.product_of_settings();
    const { organisation_id: organisationId } = found;
    if (expectedVersion !== 0n && expectedVersion !== found.version) {
      throw ordersFaults.version_mismatch();
    }
    const archivedAt = wanted.archivedAtMs === 0n ? null : (found.archived_at ?? now);
    const isArchivedAsBefore = (archivedAt === null) === (found.archived_at === null);
    if (isArchivedAsBefore && areSameTerms(termsOf(found), terms)) return productMessage(found);
    const version = found.version + 1n;
    await tx
      .updateTable("products")
      .set({ version, archived_at: archivedAt })
      .where("id", "=", id)
      .execute();
    await insertVersion(tx, { productId: id, version, now }, terms);
    audit({
      organisationId,
      action: `${terms.kind}.updated`,
      target: id,
      before: { version: Number(found.version), archived: found.archived_at !== null },
      after: { version: Number(version), archived: archivedAt !== null },
    });
    const row = await selectCurrent(tx).where("products.id", "=", id).executeTakeFirstOrThrow();
    return productMessage(row);
  });
}
