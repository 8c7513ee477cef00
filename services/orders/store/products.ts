/** Plans and credit packs with all their versions. */
import type { Database, Transaction } from "@tandem/libs/store";
import type { ProductKind, ProductTerms } from "../core/product.ts";
import type { Schema } from "./schema.ts";

type Reader = Database<Schema> | Transaction<Schema>;

/** A product as one of its versions says, the newest unless another was asked for. */
export interface ProductRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly kind: ProductKind;
  readonly version: bigint;
  readonly created_at: Date;
  readonly archived_at: Date | null;
  readonly name: string;
  readonly description: string;
  readonly price_nanos: bigint;
  readonly currency: string;
  readonly tax_ppm: number;
  readonly credit_nanos: bigint;
  readonly credit_currency: string;
  readonly valid_days: number;
}

/** Every version; restrict it to the current one, or to those of one product. */
export function selectVersions(reader: Reader) {
  return reader
    .selectFrom("products")
    .innerJoin("product_versions", "product_versions.product_id", "products.id")
    .select([
      "products.id",
      "products.organisation_id",
      "products.kind",
      "products.archived_at",
      "product_versions.version",
      "product_versions.created_at",
      "product_versions.name",
      "product_versions.description",
      "product_versions.price_nanos",
      "product_versions.currency",
      "product_versions.tax_ppm",
      "product_versions.credit_nanos",
      "product_versions.credit_currency",
      "product_versions.valid_days",
    ]);
}

export function selectCurrent(reader: Reader) {
  return selectVersions(reader).whereRef("product_versions.version", "=", "products.version");
}

/** Writes a version of the product; the caller has counted the product up. */
export async function insertVersion(
  tx: Transaction<Schema>,
  place: { readonly productId: string; readonly version: bigint; readonly now: Date },
  terms: ProductTerms,
): Promise<void> {
  await tx
    .insertInto("product_versions")
    .values({
      product_id: place.productId,
      version: place.version,
      name: terms.name,
      description: terms.description,
      price_nanos: terms.priceNanos,
      currency: terms.currency,
      tax_ppm: terms.taxPpm,
      credit_nanos: terms.creditNanos,
      credit_currency: terms.creditCurrency,
      valid_days: terms.validDays,
      created_at: place.now,
    })
    .execute();
}

export function termsOf(row: ProductRow): ProductTerms {
  return {
    kind: row.kind,
    name: row.name,
    description: row.description,
    priceNanos: row.price_nanos,
    currency: row.currency,
    taxPpm: row.tax_ppm,
    creditNanos: row.credit_nanos,
    creditCurrency: row.credit_currency,
    validDays: row.valid_days,
  };
}
