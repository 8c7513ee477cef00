import { type Database, sql, type Transaction } from "@tandem/libs/store";
import type { DiscrepancyKind, Schema } from "./schema.ts";

export interface Discrepancy {
  readonly kind: DiscrepancyKind;
  readonly provider: string;
  readonly reference: string;
  /** Empty where it is nobody's. */
  readonly organisationId: string;
  readonly orderId: string;
  readonly amountNanos: bigint;
  readonly currency: string;
}

/** Writes down, once, that money and orders do not fit; people have to look at it. */
export async function noteDiscrepancy(
  executor: Database<Schema> | Transaction<Schema>,
  found: Discrepancy,
  now: Date,
): Promise<void> {
  await executor
    .insertInto("discrepancies")
    .values({
      kind: found.kind,
      provider: found.provider,
      reference: found.reference,
      organisation_id: found.organisationId,
      order_id: found.orderId,
      amount_nanos: found.amountNanos,
      currency: found.currency,
      found_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function countDiscrepancies(database: Database<Schema>): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select count(*) from discrepancies`.execute(
    database,
  );
  return Number(rows[0]?.count ?? 0n);
}
