/** From rows to the contract's messages and back, in one place. */
import type { Product } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { type ProductTerms, problemOf } from "./core/product.ts";
import { ordersFaults } from "./faults.ts";
import type { ProductRow } from "./store/products.ts";

/** Milliseconds since 1970; 0 for what has not happened. */
export function stamp(date: Date | null): bigint {
  return date === null ? 0n : BigInt(date.getTime());
}

export function productMessage(row: ProductRow): MessageInit<Product> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    kind: row.kind,
    name: row.name,
    description: row.description,
    priceNanos: row.price_nanos,
    currency: row.currency,
    taxPpm: row.tax_ppm,
    creditNanos: row.credit_nanos,
    creditCurrency: row.credit_currency,
    validDays: row.valid_days,
    version: row.version,
    createdAtMs: stamp(row.created_at),
    archivedAtMs: stamp(row.archived_at),
  };
}

/** Throws `orders.malformed`, with what is wrong, for terms that no product can have. */
export function termsFromMessage(product: Product | undefined): ProductTerms {
  const kind = product?.kind;
  if (product === undefined || (kind !== "pack" && kind !== "plan")) throw ordersFaults.malformed();
  const terms: ProductTerms = {
    kind,
    name: product.name.trim(),
    description: product.description.trim(),
    priceNanos: product.priceNanos,
    currency: product.currency,
    taxPpm: product.taxPpm,
    creditNanos: product.creditNanos,
    creditCurrency: product.creditCurrency,
    validDays: product.validDays,
  };
  const problem = problemOf(terms);
  if (problem !== undefined) throw ordersFaults.malformed({ publicMessage: problem });
  return terms;
}
