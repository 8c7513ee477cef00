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

/**
 * Each settlement of the books has left exactly one fact, with what the ledger took, and what was
 * given back of it one correction.
 */
export async function assertFactsEqualLedger(database: Executor): Promise<void> {
  const facts = (await waitingFacts(database)).filter(({ outcome }) => outcome !== "refused");
  const { rows } = await sql<{ id: string; charged: bigint; taken: bigint }>`
    select id, charged, coalesce((
      select sum(case kind when 'settlement' then nanos else -nanos end) from transfers
      where kind = told and reference = replace(booked.id, '+back', '')
    ), 0)::bigint as taken
    from (
      select request_id as id, charged_nanos as charged, 'settlement' as told from settlements
      union all
      select settlement_id || '+back', -nanos, 'give_back' from give_backs
    ) as booked`.execute(database);
  const booked = new Map(rows.map(({ id, charged }) => [id, charged]));
  assert.ok(rows.every(({ charged, taken }) => charged === taken));
  assert.deepEqual(new Map(facts.map(({ id, chargedNanos }) => [id, chargedNanos])), booked);
  assert.equal(facts.length, rows.length, "one fact a settlement");
}

/** What the facts of a request say that it came to, its rests and corrections included. */
export async function usageOf(database: Executor, requestId: string) {
  const facts = (await waitingFacts(database)).filter(({ id }) => id.startsWith(requestId));
  const sum = (pick: (fact: UsageFact) => number): number =>
    facts.reduce((total, fact) => total + (fact.corrects === "" ? 1 : -1) * pick(fact), 0);
  return {
    chargedNanos: facts.reduce((total, { chargedNanos }) => total + chargedNanos, 0n),
    requests: facts.filter(({ rest }) => !rest).length,
    inputTokens: sum(({ inputTokens }) => inputTokens),
    cachedInputTokens: sum(({ cachedInputTokens }) => cachedInputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
  };
}
