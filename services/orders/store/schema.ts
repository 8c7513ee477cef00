import type { Migrations } from "@tandem/libs/store";
import { outboxMigration } from "@tandem/libs/store";
import * as products from "./migrations/0002-products.ts";

/** Tables of the orders database. */
export interface Schema {
  readonly products: {
    readonly id: string;
    /** Empty for the platform's own. */
    readonly organisation_id: string;
    readonly kind: "pack" | "plan";
    readonly version: bigint;
    readonly created_at: Date;
    readonly archived_at: Date | null;
    readonly idempotency_key: string | null;
  };
  readonly product_versions: {
    readonly product_id: string;
    readonly version: bigint;
    readonly name: string;
    readonly description: string;
    readonly price_nanos: bigint;
    readonly currency: string;
    readonly tax_ppm: number;
    readonly credit_nanos: bigint;
    readonly credit_currency: string;
    readonly valid_days: number;
    readonly created_at: Date;
  };
}

/** Schema changes in their order. Every step must leave the version before it working. */
export const migrations: Migrations = {
  "0001-outbox": outboxMigration,
  "0002-products": products,
};
