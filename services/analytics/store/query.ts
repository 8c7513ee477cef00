import { type Database, type Executor, type RawBuilder, sql } from "@tandem/libs/store";
import { mergeSketches, type Sketch, unpackSketch } from "../core/sketch.ts";
import type { Piece } from "../core/steps.ts";
import { conditionOf, type GroupField, groupOf, type Scope, sumsOf } from "./ask.ts";

/** What groups are ranked by; the highest first. */
export const rankings = {
  charged: sql`charged_nanos`,
  requests: sql`requests`,
  tokens: sql`input_tokens + output_tokens`,
  errors: sql`errors`,
} as const;

export type Ranking = keyof typeof rankings;

export interface Question extends Scope {
  readonly pieces: readonly Piece[];
  readonly groupBy: readonly GroupField[];
  /** Length of a step in milliseconds; 0 for one sum over all. */
  readonly stepMs: number;
  readonly rankBy: Ranking;
  readonly limit: number;
  readonly hasLatency: boolean;
  /** For what has none, like a refused call. */
  readonly currency: string;
}

export interface Sums {
  requests: bigint;
  errors: bigint;
  inputTokens: bigint;
  cachedInputTokens: bigint;
  outputTokens: bigint;
  reasoningTokens: bigint;
  chargedNanos: bigint;
  upstreamNanos: bigint;
  marginChargedNanos: bigint;
  estimatedRequests: bigint;
}

export interface AnswerRow extends Sums {
  readonly atMs: number;
  readonly group: readonly string[];
  readonly isRest: boolean;
  readonly currency: string;
  durations: Sketch;
  firstTokens: Sketch;
}

export interface Answer {
  readonly rows: readonly AnswerRow[];
  readonly totals: readonly AnswerRow[];
  readonly restGroups: number;
}

interface RowOfSums {
  readonly slot: bigint;
  readonly at_ms: bigint;
  readonly labels: string[];
  readonly currency: string;
  readonly requests: bigint;
  readonly errors: bigint;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly charged_nanos: bigint;
  readonly upstream_nanos: bigint;
  readonly margin_charged_nanos: bigint;
  readonly estimated_requests: bigint;
  readonly groups: bigint;
}

/** A client that leaves is no error of anybody's. */
const isError = sql`(series.outcome in ('refused', 'failed', 'partial') and series.status <> 499)`;

/** Sums over the columns of sums; sums of `bigint` are `numeric`, and these fit into 64 bits. */
const addedUp = sql`
  sum(requests)::bigint as requests,
  sum(input_tokens)::bigint as input_tokens,
  sum(cached_input_tokens)::bigint as cached_input_tokens,
  sum(output_tokens)::bigint as output_tokens,
  sum(reasoning_tokens)::bigint as reasoning_tokens,
  sum(charged_nanos)::bigint as charged_nanos,
  sum(upstream_nanos)::bigint as upstream_nanos,
  sum(estimated_requests)::bigint as estimated_requests`;

const addedUpAgain = sql`
  ${addedUp}, sum(errors)::bigint as errors,
  sum(margin_charged_nanos)::bigint as margin_charged_nanos`;

/** What depends on the series is taken from the sums of each series. */
const bySeries = sql`
  coalesce(sum(requests) filter (where is_error), 0)::bigint as errors,
  sum(requests)::bigint as requests,
  sum(input_tokens)::bigint as input_tokens,
  sum(cached_input_tokens)::bigint as cached_input_tokens,
  sum(output_tokens)::bigint as output_tokens,
  sum(reasoning_tokens)::bigint as reasoning_tokens,
  sum(charged_nanos)::bigint as charged_nanos,
  coalesce(sum(upstream_nanos) filter (where upstream_known), 0)::bigint as upstream_nanos,
  coalesce(sum(charged_nanos) filter (where upstream_known), 0)::bigint as margin_charged_nanos,
  sum(estimated_requests)::bigint as estimated_requests`;

/** Answers a question from the sums. Groups beyond the limit come together, as the rest. */
export async function query(database: Database<unknown>, question: Question): Promise<Answer> {
  const ranked = await rank(database, question);
  const sketches = (column: SketchColumn) =>
    question.hasLatency ? sketchesOf(database, question, { ranked, column }) : noSketches;
  const [stepped, durations, firstTokens] = await Promise.all([
    question.stepMs > 0 ? sumSteps(database, question, ranked) : ranked,
    sketches("durations"),
    sketches("first_tokens"),
  ]);
  const toRow = (row: RowOfSums): AnswerRow => answerRowOf(row, { ranked, question });
  const rows = stepped.map((row) => ({
    ...toRow(row),
    durations: durations.get(placeName(row)) ?? new Map(),
    firstTokens: firstTokens.get(placeName(row)) ?? new Map(),
  }));
  const restGroups = ranked
    .filter(({ slot }) => Number(slot) > question.limit)
    .reduce((sum, { groups }) => sum + Number(groups), 0);
  return { rows, totals: totalsOf(ranked.map(toRow), rows), restGroups };
}

type SketchColumn = "durations" | "first_tokens";
type Place = Pick<RowOfSums, "slot" | "at_ms">;

const noSketches: ReadonlyMap<string, Sketch> = new Map();

function placeName({ slot, at_ms }: Place): string {
  return `${slot} ${at_ms}`;
}

function currencyOf({ currency }: Question): RawBuilder<unknown> {
  return sql`coalesce(nullif(series.currency, ''), ${currency})`;
}

/** Every group of the top with its sums, and the rest in one row for each currency. */
async function rank(database: Executor, question: Question): Promise<readonly RowOfSums[]> {
  const { pieces, limit } = question;
  const { rows } = await sql<RowOfSums>`
    with chosen as materialized (
      select id, ${groupOf(question.groupBy)} as labels, ${currencyOf(question)} as currency,
        ${isError} as is_error, upstream_known
      from series where ${conditionOf(question)}
    ), by_series as (
      select series_id, ${addedUp} from ${sumsOf(pieces)}
      where series_id in (select id from chosen) group by series_id
    ), groups as (
      select labels, currency, ${bySeries}
      from by_series join chosen on chosen.id = series_id group by 1, 2
    ), ranked as (
      select *, row_number() over (order by ${rankings[question.rankBy]} desc, labels) as place
      from groups
    ), rests as (
      select *, case
          when place <= ${limit} then place
          else ${limit} + dense_rank() over (partition by place > ${limit} order by currency)
        end as slot
      from ranked
    )
    select slot, 0::bigint as at_ms, currency,
      case when slot <= ${limit} then labels else '{}'::text[] end as labels,
      count(*) as groups, ${addedUpAgain}
    from rests group by 1, 3, 4 order by 1`.execute(database);
  return rows;
}

/** The series that count, each with the slot of its group: among the top, or its rest's. */
function slotted(question: Question, ranked: readonly RowOfSums[]): RawBuilder<unknown> {
  const slots = ranked.map(({ labels, currency, slot }) => ({
    ...{ labels, currency, slot: Number(slot) },
    rest: Number(slot) > question.limit,
  }));
  return sql`
    slots as (
      select * from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb)
        as given (labels text[], currency text, slot bigint, rest boolean)
    ), chosen as materialized (
      select id, ${isError} as is_error, upstream_known, coalesce(top.slot, others.slot) as slot
      from series
        left join slots as top on not top.rest
          and top.labels = ${groupOf(question.groupBy)} and top.currency = ${currencyOf(question)}
        left join slots as others on others.rest and others.currency = ${currencyOf(question)}
      where ${conditionOf(question)}
        -- Of a group that was not there a moment ago, when they were ranked.
        and coalesce(top.slot, others.slot) is not null
    )`;
}

function stepOf({ stepMs }: Question): RawBuilder<unknown> {
  if (stepMs === 0) return sql`0::bigint`;
  return sql`(at_ms - at_ms % ${sql.lit(stepMs)}::bigint)`;
}

async function sumSteps(
  database: Executor,
  question: Question,
  ranked: readonly RowOfSums[],
): Promise<readonly RowOfSums[]> {
  const { rows } = await sql<RowOfSums>`
    with ${slotted(question, ranked)}
    select slot, ${stepOf(question)} as at_ms, '' as currency, '{}'::text[] as labels,
      0::bigint as groups, ${bySeries}
    from ${sumsOf(question.pieces)} join chosen on chosen.id = series_id
    group by 1, 2 order by 2, 1`.execute(database);
  return rows;
}

async function sketchesOf(
  database: Executor,
  question: Question,
  wanted: { readonly ranked: readonly RowOfSums[]; readonly column: SketchColumn },
): Promise<ReadonlyMap<string, Sketch>> {
  const { ranked, column } = wanted;
  const stepIndex = question.stepMs === 0 ? sql`0` : sql`at_ms / ${sql.lit(question.stepMs)}`;
  // One number to count by, of slot, step and bin: half the work of three.
  const { rows } = await sql<{ place: bigint; sketch: readonly string[] }>`
    with ${slotted(question, ranked)}, entries as (
      select (slot << 44) | (${stepIndex} << 12) as place, unnest(${sql.id(column)}) as entry
      from ${sumsOf(question.pieces)} join chosen on chosen.id = series_id
    ), counted as (
      select place | (entry >> 32) as place, sum((entry & 4294967295)::integer) as total
      from entries group by 1
    )
    select place >> 12 as place, array_agg(((place & 4095) << 32) | total) as sketch
    from counted group by 1`.execute(database);
  return new Map(
    rows.map(({ place, sketch }) => {
      const slot = place >> 32n;
      const at = (place & 0xffff_ffffn) * BigInt(question.stepMs);
      return [placeName({ slot, at_ms: at }), unpackSketch(sketch.map(BigInt))];
    }),
  );
}

function answerRowOf(
  row: RowOfSums,
  { ranked, question }: { readonly ranked: readonly RowOfSums[]; readonly question: Question },
): AnswerRow {
  const isRest = Number(row.slot) > question.limit;
  // Slots are counted from 1 without gaps.
  const group = ranked[Number(row.slot) - 1];
  return {
    atMs: Number(row.at_ms),
    group: isRest ? question.groupBy.map(() => "") : (group?.labels ?? []),
    isRest,
    currency: group?.currency ?? "",
    requests: row.requests,
    errors: row.errors,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    chargedNanos: row.charged_nanos,
    upstreamNanos: row.upstream_nanos,
    marginChargedNanos: row.margin_charged_nanos,
    estimatedRequests: row.estimated_requests,
    durations: new Map(),
    firstTokens: new Map(),
  };
}

/** One row for each currency: the sums of all groups, the percentiles of all rows. */
function totalsOf(groups: readonly AnswerRow[], rows: readonly AnswerRow[]): readonly AnswerRow[] {
  const totals = new Map<string, AnswerRow>();
  for (const row of groups) {
    const total = totals.get(row.currency);
    if (total === undefined) {
      totals.set(row.currency, { ...row, group: [], isRest: false, atMs: 0 });
    } else addSums(total, row);
  }
  for (const total of totals.values()) {
    const own = rows.filter(({ currency }) => currency === total.currency);
    total.durations = mergeSketches(own.map(({ durations }) => durations));
    total.firstTokens = mergeSketches(own.map(({ firstTokens }) => firstTokens));
  }
  return [...totals.values()];
}

function addSums(total: Sums, more: Sums): void {
  total.requests += more.requests;
  total.errors += more.errors;
  total.inputTokens += more.inputTokens;
  total.cachedInputTokens += more.cachedInputTokens;
  total.outputTokens += more.outputTokens;
  total.reasoningTokens += more.reasoningTokens;
  total.chargedNanos += more.chargedNanos;
  total.upstreamNanos += more.upstreamNanos;
  total.marginChargedNanos += more.marginChargedNanos;
  total.estimatedRequests += more.estimatedRequests;
}

/** The currency that the organisation's priced calls are in; of several the newest. */
export async function findCurrency(database: Executor, organisationId: string): Promise<string> {
  const { rows } = await sql<{ currency: string }>`
    select currency from series
    where organisation_id = ${organisationId} and currency <> ''
    order by id desc limit 1`.execute(database);
  return rows[0]?.currency ?? "";
}

/** When the newest event of anybody was recorded; 0 for none. */
export async function lastRecordedMs(database: Executor): Promise<number> {
  const { rows } = await sql<{ at: Date | null }>`
    select max(received_at) as at from inbox`.execute(database);
  return rows[0]?.at?.getTime() ?? 0;
}

/** What days cost, by the beginning of the day; days that cost nothing are left out. */
export async function costsByDay(
  database: Executor,
  scope: Scope & { readonly currency: string; readonly pieces: readonly Piece[] },
): Promise<ReadonlyMap<number, bigint>> {
  const { rows } = await sql<{ day: bigint; cost: bigint }>`
    select sums.at_ms - sums.at_ms % 86400000 as day, sum(sums.charged_nanos)::bigint as cost
    from ${sumsOf(scope.pieces)} join series on series.id = sums.series_id
    where ${conditionOf(scope)} and series.currency = ${scope.currency}
    group by 1`.execute(database);
  return new Map(rows.map(({ day, cost }) => [Number(day), cost]));
}
