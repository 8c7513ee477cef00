import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { UsageBatchSchema, type UsageFact } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { type Executor, sql } from "@tandem/libs/store";

/** Every fact that waits for analytics. */
export async function waitingFacts(database: Executor): Promise<readonly UsageFact[]> {
  const { rows } = await sql<{ payload: Buffer }>`
    select payload from outbox where topic = 'usage.recorded.v1' order by sequence`.execute(
    database,
  );
  return rows.flatMap(({ payload }) => fromBinary(UsageBatchSchema, payload).facts);
}

/** Each settlement of the books has left exactly one fact, with what the ledger took. */
export async function assertFactsEqualLedger(database: Executor): Promise<void> {
  const facts = await waitingFacts(database);
  const told = facts.filter(({ outcome }) => outcome !== "refused");
  const { rows } = await sql<{ id: string; charged: bigint; taken: bigint }>`
    select request_id as id, charged_nanos as charged, coalesce((
      select sum(nanos) from transfers
      where kind = 'settlement' and reference = request_id
    ), 0)::bigint as taken
    from settlements`.execute(database);
  const booked = new Map(rows.map(({ id, charged }) => [id, charged]));
  assert.ok(rows.every(({ charged, taken }) => charged === taken));
  assert.deepEqual(new Map(told.map(({ id, chargedNanos }) => [id, chargedNanos])), booked);
  assert.equal(told.length, rows.length, "one fact a settlement");
}
