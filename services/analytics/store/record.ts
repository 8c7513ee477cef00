import { type Database, type Executor, recordOnce, sql, transaction } from "@tandem/libs/store";
import type { Fact } from "../core/fact.ts";
import { type Placed, type RollUp, rollUp } from "../core/roll-up.ts";
import { packSketch } from "../core/sketch.ts";
import { levels } from "../core/steps.ts";
import { analyticsFaults } from "../faults.ts";
import { tableOf } from "./levels.ts";
import type { SeriesNumbers } from "./series-numbers.ts";

/** This service's name in its inbox. */
const consumer = "usage";

/**
 * Writes the facts of an event and adds them to their sums, in one transaction, once. A fact that
 * is there already, from whatever event, changes nothing. How many were new.
 */
export async function recordFacts(
  parts: { readonly database: Database<unknown>; readonly series: SeriesNumbers },
  event: { readonly id: string; readonly facts: readonly Fact[] },
): Promise<number> {
  const plain = event.facts.filter(({ corrects }) => corrects === undefined);
  const numbers = new Map([
    ...(await parts.series.of(plain)),
    ...(await placeCorrections(parts.database, event.facts)),
  ]);
  return transaction(parts.database, async (tx) => {
    if (!(await recordOnce(tx, consumer, event.id))) return 0;
    const fresh = await insertFacts(tx, numbers);
    const placed: Placed[] = [];
    for (const [fact, series] of numbers) if (fresh.delete(fact.id)) placed.push({ fact, series });
    for (const level of levels) await addSums(tx, tableOf[level], rollUp(level, placed));
    return placed.length;
  });
}

/**
 * Corrections, each at the time and in the series of the fact that it corrects, so that no sum says
 * less than nothing. Throws `analytics.fact_awaited` when that one is not here yet.
 */
async function placeCorrections(
  database: Executor,
  facts: readonly Fact[],
): Promise<ReadonlyMap<Fact, string>> {
  const corrected = facts.flatMap(({ corrects }) => corrects ?? []);
  const placed = new Map<Fact, string>();
  if (corrected.length === 0) return placed;
  const { rows } = await sql<{ id: string; series: bigint; at_ms: bigint }>`
    select id, series_id as series, at_ms from facts where id = any(${corrected}::text[])`.execute(
    database,
  );
  const known = new Map(rows.map((row) => [row.id, row]));
  for (const fact of facts) {
    if (fact.corrects === undefined) continue;
    const found = known.get(fact.corrects);
    if (found === undefined) throw analyticsFaults.fact_awaited({ detail: fact.corrects });
    placed.set({ ...fact, atMs: Number(found.at_ms) }, String(found.series));
  }
  return placed;
}

/** The ids that were not there before. */
async function insertFacts(tx: Executor, numbers: ReadonlyMap<Fact, string>): Promise<Set<string>> {
  const rows = [...numbers].map(([fact, series]) => ({
    id: fact.id,
    series_id: series,
    organisation_id: fact.organisationId,
    at_ms: fact.atMs,
    settled_at_ms: fact.settledAtMs,
    requests: fact.requests,
    input_tokens: fact.inputTokens,
    cached_input_tokens: fact.cachedInputTokens,
    output_tokens: fact.outputTokens,
    reasoning_tokens: fact.reasoningTokens,
    charged_nanos: String(fact.chargedNanos),
    upstream_nanos: String(fact.upstreamNanos),
    estimated: fact.estimated,
    stream: fact.stream,
    duration_ms: fact.durationMs,
    first_token_ms: fact.firstTokenMs,
  }));
  if (rows.length === 0) return new Set();
  // By id: of two transactions with the same facts one waits for the other, not each for each.
  const inserted = await sql<{ id: string }>`
    insert into facts (id, series_id, organisation_id, at_ms, settled_at_ms, requests,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, charged_nanos,
      upstream_nanos, estimated, stream, duration_ms, first_token_ms)
    select given.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
      id text, series_id bigint, organisation_id text, at_ms bigint, settled_at_ms bigint,
      requests bigint, input_tokens bigint, cached_input_tokens bigint, output_tokens bigint,
      reasoning_tokens bigint, charged_nanos bigint, upstream_nanos bigint, estimated boolean,
      stream boolean, duration_ms bigint, first_token_ms bigint)
    order by given.id
    on conflict (id) do nothing returning id`.execute(tx);
  return new Set(inserted.rows.map(({ id }) => id));
}

async function addSums(tx: Executor, table: string, sums: readonly RollUp[]): Promise<void> {
  if (sums.length === 0) return;
  const rows = sums.map((sum) => ({
    series_id: sum.series,
    at_ms: sum.atMs,
    requests: sum.requests,
    input_tokens: sum.inputTokens,
    cached_input_tokens: sum.cachedInputTokens,
    output_tokens: sum.outputTokens,
    reasoning_tokens: sum.reasoningTokens,
    charged_nanos: String(sum.chargedNanos),
    upstream_nanos: String(sum.upstreamNanos),
    estimated_requests: sum.estimatedRequests,
    durations: packSketch(sum.durations).map(String),
    first_tokens: packSketch(sum.firstTokens).map(String),
  }));
  await sql`
    insert into ${sql.table(table)} as known (series_id, at_ms, requests, input_tokens,
      cached_input_tokens, output_tokens, reasoning_tokens, charged_nanos, upstream_nanos,
      estimated_requests, durations, first_tokens)
    select given.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
      series_id bigint, at_ms bigint, requests bigint, input_tokens bigint,
      cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint,
      charged_nanos bigint, upstream_nanos bigint, estimated_requests bigint,
      durations bigint[], first_tokens bigint[])
    on conflict (series_id, at_ms) do update set
      requests = known.requests + excluded.requests,
      input_tokens = known.input_tokens + excluded.input_tokens,
      cached_input_tokens = known.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = known.output_tokens + excluded.output_tokens,
      reasoning_tokens = known.reasoning_tokens + excluded.reasoning_tokens,
      charged_nanos = known.charged_nanos + excluded.charged_nanos,
      upstream_nanos = known.upstream_nanos + excluded.upstream_nanos,
      estimated_requests = known.estimated_requests + excluded.estimated_requests,
      durations = merge_sketches(known.durations, excluded.durations),
      first_tokens = merge_sketches(known.first_tokens, excluded.first_tokens)`.execute(tx);
}
