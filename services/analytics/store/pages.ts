import { type Executor, sql } from "@tandem/libs/store";
import type { Fact } from "../core/fact.ts";
import type { HourOfSeries } from "../core/focus.ts";
import type { Span } from "../core/steps.ts";
import { conditionOf, type Scope } from "./ask.ts";

/** Where a page begins: behind this time and, at this time, behind this id. */
export interface Cursor {
  readonly atMs: number;
  readonly id: string;
}

export interface PageOf extends Scope {
  readonly span: Span;
  readonly after: Cursor | undefined;
  readonly limit: number;
}

interface SeriesRow {
  readonly organisation_id: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly upstream: string;
  readonly endpoint: string;
  readonly outcome: string;
  readonly status: number;
  readonly currency: string;
  readonly price_id: string;
  readonly input_price: bigint;
  readonly cached_input_price: bigint;
  readonly output_price: bigint;
  readonly upstream_known: boolean;
}

const seriesColumns = sql`
  series.organisation_id, project_id, user_id, key_id, model, upstream, endpoint, outcome, status,
  currency, price_id, input_price, cached_input_price, output_price, upstream_known`;

function seriesFieldsOf(row: SeriesRow) {
  return {
    organisationId: row.organisation_id,
    projectId: row.project_id,
    userId: row.user_id,
    keyId: row.key_id,
    model: row.model,
    upstream: row.upstream,
    endpoint: row.endpoint,
    outcome: row.outcome,
    status: row.status,
    currency: row.currency,
    priceId: row.price_id,
    inputPrice: row.input_price,
    cachedInputPrice: row.cached_input_price,
    outputPrice: row.output_price,
    upstreamKnown: row.upstream_known,
  };
}

interface FactRow extends SeriesRow {
  readonly id: string;
  readonly at_ms: bigint;
  readonly settled_at_ms: bigint;
  readonly requests: bigint;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly charged_nanos: bigint;
  readonly upstream_nanos: bigint;
  readonly estimated: boolean;
  readonly stream: boolean;
  readonly duration_ms: bigint;
  readonly first_token_ms: bigint;
}

/** Single facts in the order of their time. */
export async function findFacts(database: Executor, page: PageOf): Promise<readonly Fact[]> {
  const { span, after, limit } = page;
  const behind =
    after === undefined ? sql`` : sql`and (facts.at_ms, facts.id) > (${after.atMs}, ${after.id})`;
  const { rows } = await sql<FactRow>`
    select facts.id, at_ms, settled_at_ms, requests, input_tokens, cached_input_tokens,
      output_tokens, reasoning_tokens, charged_nanos, upstream_nanos, estimated, stream,
      duration_ms, first_token_ms, ${seriesColumns}
    from facts join series on series.id = facts.series_id
    where facts.organisation_id = ${page.organisationId}
      and at_ms >= ${span.fromMs} and at_ms < ${span.untilMs} and ${conditionOf(page)} ${behind}
    order by facts.at_ms, facts.id limit ${limit}`.execute(database);
  return rows.map((row) => ({
    ...seriesFieldsOf(row),
    id: row.id,
    atMs: Number(row.at_ms),
    settledAtMs: Number(row.settled_at_ms),
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    cachedInputTokens: Number(row.cached_input_tokens),
    outputTokens: Number(row.output_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    chargedNanos: row.charged_nanos,
    upstreamNanos: row.upstream_nanos,
    estimated: row.estimated,
    stream: row.stream,
    durationMs: Number(row.duration_ms),
    firstTokenMs: Number(row.first_token_ms),
  }));
}

/** When the fact of this id was, within the organisation. */
export async function findFactTime(
  database: Executor,
  { organisationId, id }: { readonly organisationId: string; readonly id: string },
): Promise<number | undefined> {
  const { rows } = await sql<{ at_ms: bigint }>`
    select at_ms from facts where id = ${id} and organisation_id = ${organisationId}`.execute(
    database,
  );
  return rows[0] === undefined ? undefined : Number(rows[0].at_ms);
}

interface HourRow extends SeriesRow {
  readonly series_id: bigint;
  readonly at_ms: bigint;
  readonly requests: bigint;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly charged_nanos: bigint;
}

/**
 * Hours of series that used anything, series by series: that is how they lie, so that a page reads
 * its own rows and nobody else's. The cursor's id is a series' number.
 */
export async function findHours(
  database: Executor,
  page: PageOf,
): Promise<readonly HourOfSeries[]> {
  const { span, after, limit } = page;
  const behind =
    after === undefined
      ? sql``
      : sql`and series.id >= ${after.id}::bigint
          and (series.id, at_ms) > (${after.id}::bigint, ${after.atMs}::bigint)`;
  const { rows } = await sql<HourRow>`
    select series_id, at_ms, requests, input_tokens, cached_input_tokens, output_tokens,
      charged_nanos, ${seriesColumns}
    from usage_hours join series on series.id = series_id
    where at_ms >= ${span.fromMs} and at_ms < ${span.untilMs}
      and (charged_nanos > 0 or input_tokens + output_tokens > 0)
      and ${conditionOf(page)} ${behind}
    order by series.id, at_ms limit ${limit}`.execute(database);
  return rows.map((row) => ({
    ...seriesFieldsOf(row),
    atMs: Number(row.at_ms),
    requests: row.requests,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    chargedNanos: row.charged_nanos,
    cursor: `hour_${row.at_ms}_${row.series_id}`,
  }));
}
