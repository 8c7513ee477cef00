import { hash } from "node:crypto";
import { idFromBytes, idTimestampMs, parseNanos } from "@tandem/libs/kernel";
import { type Database, sql, transaction } from "@tandem/libs/store";
import type { ConfiguredProduct } from "../config.ts";
import { areSameTerms, type ProductTerms, problemOf } from "../core/product.ts";
import { ordersFaults } from "../faults.ts";
import { insertVersion, selectCurrent, termsOf } from "./products.ts";
import type { Schema } from "./schema.ts";

const lockId = 7_402_684_193_553_160n;
const ppmPerPercent = 10_000;

/**
 * Brings the platform's own products to what the settings say: a changed entry becomes a version,
 * one that is gone is archived. All replicas do this at their start, one after the other; orders
 * made from older versions keep them. Throws `orders.malformed` for an entry that cannot be.
 */
export async function declareProducts(
  database: Database<Schema>,
  configured: readonly ConfiguredProduct[],
): Promise<void> {
  const wanted = new Map(configured.map((entry) => [idOf(entry), termsOfEntry(entry)]));
  await transaction(database, async (tx) => {
    await sql`select pg_advisory_xact_lock(${lockId})`.execute(tx);
    const now = new Date(database.world.clock.nowMs());
    const all = await selectCurrent(tx).where("products.organisation_id", "=", "").execute();
    const rows = all.filter(({ id }) => isConfigured(id));
    const known = new Map(rows.map((row) => [row.id, row]));
    for (const [id, terms] of wanted) {
      const row = known.get(id);
      const isSame = row !== undefined && areSameTerms(termsOf(row), terms);
      if (isSame && row.archived_at === null) continue;
      const version = (row?.version ?? 0n) + 1n;
      const values = { id, organisation_id: "", kind: terms.kind, version, created_at: now };
      await tx
        .insertInto("products")
        .values({ ...values, archived_at: null, idempotency_key: null })
        .onConflict((conflict) => conflict.column("id").doUpdateSet({ version, archived_at: null }))
        .execute();
      await insertVersion(tx, { productId: id, version, now }, terms);
    }
    const gone = rows.filter(({ id, archived_at: at }) => at === null && !wanted.has(id));
    for (const { id } of gone) {
      await tx.updateTable("products").set({ archived_at: now }).where("id", "=", id).execute();
    }
  });
}

/** Declared in the settings: their ids carry no time. */
export function isConfigured(id: string): boolean {
  return idTimestampMs(id) === 0;
}

/** The same entry has the same id on every machine and after every start. */
function idOf({ kind, key }: ConfiguredProduct): string {
  const random = hash("sha256", `tandem product ${kind} ${key}`, "buffer");
  return idFromBytes(kind === "pack" ? "pck" : "pln", { timestampMs: 0, random });
}

function termsOfEntry(entry: ConfiguredProduct): ProductTerms {
  const terms: ProductTerms = {
    kind: entry.kind,
    name: entry.name,
    description: entry.description,
    priceNanos: parseNanos(entry.price),
    currency: entry.currency,
    taxPpm: Math.round(Number(entry.taxPercent) * ppmPerPercent),
    creditNanos: parseNanos(entry.credit),
    creditCurrency: entry.creditCurrency,
    validDays: entry.validDays,
  };
  const problem = problemOf(terms);
  if (problem !== undefined) {
    throw ordersFaults.malformed({ publicMessage: `orders.products, ${entry.key}: ${problem}` });
  }
  return terms;
}
