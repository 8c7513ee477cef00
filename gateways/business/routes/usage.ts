/** What was used, by whom, and what it cost: sums, forecasts, files. */
import type {
  Percentiles,
  UsageFilter,
  UsageRow,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import {
  integerQuery,
  moneyField,
  moneyOf,
  restFaults,
  timeField,
  timeInput,
  timeOf,
} from "@tandem/libs/gateway";
import type { MessageInit } from "@tandem/libs/rpc";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const dayMs = 86_400_000n;
const tag = "Usage";
const access = { permission: "analytics:read" } as const;

const groupNames = [
  "model",
  "key",
  "user",
  "project",
  "status",
  "outcome",
  "upstream",
  "endpoint",
] as const;

/** Several values in one parameter, with commas between them. */
function listQuery(what: string) {
  return z
    .string()
    .max(4_096)
    .regex(/^[^\p{Cc}]+$/u, "must not be empty or hold control characters")
    .transform((text) => text.split(",").filter((value) => value !== ""))
    .optional()
    .meta({ description: `${what}; several with commas between them.` });
}

const statusQuery = z
  .string()
  .regex(/^[0-9]{3}(,[0-9]{3}){0,49}$/, "must be statuses like 200,429")
  .transform((text) => text.split(",").map(Number))
  .optional()
  .meta({ description: "Statuses; several with commas between them." });

const groupQuery = z
  .string()
  .max(200)
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(groupNames)).max(3))
  .optional()
  .meta({ description: `Up to three of ${groupNames.join(", ")}, with commas between them.` });

export const filterShape = {
  model: listQuery("Models"),
  key_id: listQuery("Keys"),
  user_id: listQuery("People"),
  project_id: listQuery("Projects"),
  status: statusQuery,
  outcome: listQuery("Of complete, partial, failed, cached, refused"),
  upstream: listQuery("Upstreams"),
  endpoint: listQuery("Of chat, completions, embeddings and the like"),
};

export const spanShape = {
  from: timeInput.optional().meta({ description: "Default: 30 days ago." }),
  until: timeInput.optional().meta({ description: "Exclusive. Default: now." }),
};

type FilterQuery = z.output<z.ZodObject<typeof filterShape>>;

export function filterOf(query: FilterQuery): MessageInit<UsageFilter> {
  return {
    models: query.model ?? [],
    keyIds: query.key_id ?? [],
    userIds: query.user_id ?? [],
    projectIds: query.project_id ?? [],
    statuses: query.status ?? [],
    outcomes: query.outcome ?? [],
    upstreams: query.upstream ?? [],
    endpoints: query.endpoint ?? [],
  };
}

interface SpanQuery {
  readonly from?: bigint | undefined;
  readonly until?: bigint | undefined;
}

export function spanOf({ from, until }: SpanQuery, nowMs: number) {
  const untilMs = until ?? BigInt(nowMs);
  const fromMs = from ?? untilMs - 30n * dayMs;
  if (fromMs >= untilMs || fromMs < 0n) {
    throw restFaults.invalid_input({ context: { from: "must be before `until`" } });
  }
  return { fromMs, untilMs };
}

const percentiles = z
  .object({
    count: z.string(),
    p50: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
  })
  .meta({ id: "Percentiles", description: "Milliseconds, within two hundredths." });

const usageRow = z
  .object({
    at: timeField.nullable().meta({ description: "The step's beginning; null without steps." }),
    group: z
      .record(z.string(), z.string())
      .meta({ description: "By the fields of `group_by`; empty for the rest and for totals." }),
    is_rest: z.boolean().meta({ description: "All groups beyond `limit` together." }),
    requests: z.string(),
    errors: z.string().meta({ description: "Refused, failed and cut short." }),
    input_tokens: z.string(),
    cached_input_tokens: z.string(),
    output_tokens: z.string(),
    reasoning_tokens: z.string(),
    estimated_requests: z.string(),
    cost: moneyField,
    upstream_cost: moneyField.nullable().meta({
      description: "What upstreams took, where it is known; null where none may be seen.",
    }),
    margin: moneyField
      .nullable()
      .meta({ description: "Of the requests whose upstream cost is known." }),
    duration_ms: percentiles.nullable(),
    first_token_ms: percentiles.nullable(),
  })
  .meta({ id: "UsageRow" });

/** For what never had a price. */
const currencyDefault = "USD";

function rowBody(
  row: UsageRow,
  { groupBy, seesMargin }: { readonly groupBy: readonly string[]; readonly seesMargin: boolean },
): z.input<typeof usageRow> {
  const currency = row.currency || currencyDefault;
  const group = Object.fromEntries(groupBy.map((name, at) => [name, row.group[at] ?? ""]));
  return {
    at: timeOf(row.atMs),
    group: row.isRest || row.group.length === 0 ? {} : group,
    is_rest: row.isRest,
    requests: String(row.requests),
    errors: String(row.errors),
    input_tokens: String(row.inputTokens),
    cached_input_tokens: String(row.cachedInputTokens),
    output_tokens: String(row.outputTokens),
    reasoning_tokens: String(row.reasoningTokens),
    estimated_requests: String(row.estimatedRequests),
    cost: moneyOf(row.chargedNanos, currency),
    upstream_cost: seesMargin ? moneyOf(row.upstreamNanos, currency) : null,
    margin: seesMargin ? moneyOf(row.marginChargedNanos - row.upstreamNanos, currency) : null,
    duration_ms: percentilesBody(row.duration),
    first_token_ms: percentilesBody(row.firstToken),
  };
}

function percentilesBody(found: Percentiles | undefined): z.input<typeof percentiles> | null {
  if (found === undefined) return null;
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  const { count, p50, p90, p95, p99 } = found;
  return {
    count: String(count),
    ...{ p50: round(p50), p90: round(p90), p95: round(p95), p99: round(p99) },
  };
}

const queryRoute = route({
  method: "GET",
  path: "/api/v1/usage",
  operationId: "queryUsage",
  summary: "Sum what was used, grouped, over a time or for each step of it.",
  description:
    "Times within a step are moved outwards to whole minutes, hours or days of UTC; `from` and " +
    "`until` of the answer say what it is of. Usage appears a second or so after the call.",
  tag,
  access,
  stale: "caller",
  faults: ["analytics.malformed", "analytics.too_fine"],
  query: z.strictObject({
    ...spanShape,
    ...filterShape,
    group_by: groupQuery,
    step: z.enum(["none", "minute", "hour", "day"]).default("none"),
    rank_by: z.enum(["charged", "requests", "tokens", "errors"]).default("charged"),
    limit: integerQuery({ min: 1, max: 200, default: 20 }),
    latency: z
      .enum(["true", "false"])
      .default("false")
      .meta({ description: "Adds percentiles of duration and of the first token." }),
  }),
  reply: z.object({
    data: z.array(usageRow),
    rest_groups: z.int().meta({ description: "Groups that the rest stands for." }),
    totals: z.array(usageRow).meta({ description: "Over all groups, one for each currency." }),
    from: timeField.nullable(),
    until: timeField.nullable(),
    recorded_at: timeField
      .nullable()
      .meta({ description: "When the platform's newest usage was counted." }),
  }),
  async handle(call, { analytics, nowMs }) {
    const { organisationId } = call.caller.claims;
    const { query } = call;
    const groupBy = query.group_by ?? [];
    const answer = await analytics.queryUsage(
      {
        ...spanOf(query, nowMs()),
        ...{ organisationId, groupBy, filter: filterOf(query), step: query.step },
        ...{ rankBy: query.rank_by, limit: query.limit, latency: query.latency === "true" },
      },
      asCaller(call),
    );
    const shown = { groupBy, seesMargin: answer.marginShown };
    return {
      body: {
        data: answer.rows.map((row) => rowBody(row, shown)),
        rest_groups: Number(answer.restGroups),
        totals: answer.totals.map((row) => rowBody(row, shown)),
        from: timeOf(answer.fromMs),
        until: timeOf(answer.untilMs),
        recorded_at: timeOf(answer.recordedAtMs),
      },
    };
  },
});

const forecastDay = z.object({
  at: timeField.nullable(),
  expected: moneyField,
  low: moneyField,
  high: moneyField,
});

const forecastRoute = route({
  method: "GET",
  path: "/api/v1/usage/forecast",
  operationId: "forecastUsage",
  summary: "Say what the days to come will cost, going by those that were.",
  description: "Four days of five lie between `low` and `high`. The first day is the running one.",
  tag,
  access,
  stale: "caller",
  faults: ["analytics.malformed"],
  query: z.strictObject({
    ...filterShape,
    days: integerQuery({ min: 1, max: 92, default: 30 }),
  }),
  reply: z.object({
    burn_per_day: z.object({
      last_day: moneyField.meta({ description: "The last 24 hours." }),
      last_week: moneyField.meta({ description: "The last seven days, a day." }),
    }),
    month: z.object({
      so_far: moneyField,
      expected: moneyField,
      low: moneyField,
      high: moneyField,
    }),
    data: z.array(forecastDay),
    days_seen: z.int().meta({ description: "Whole days that this goes by." }),
    recorded_at: timeField.nullable(),
  }),
  async handle(call, { analytics }) {
    const { organisationId } = call.caller.claims;
    const { query } = call;
    const found = await analytics.forecastUsage(
      { organisationId, days: query.days, filter: filterOf(query) },
      asCaller(call),
    );
    const money = (nanos: bigint) => moneyOf(nanos, found.currency || currencyDefault);
    return {
      body: {
        burn_per_day: {
          last_day: money(found.burnDayNanos),
          last_week: money(found.burnWeekNanos),
        },
        month: {
          so_far: money(found.monthSoFarNanos),
          expected: money(found.monthExpectedNanos),
          low: money(found.monthLowNanos),
          high: money(found.monthHighNanos),
        },
        data: found.days.map((day) => ({
          at: timeOf(day.atMs),
          expected: money(day.expectedNanos),
          low: money(day.lowNanos),
          high: money(day.highNanos),
        })),
        days_seen: found.daysSeen,
        recorded_at: timeOf(found.recordedAtMs),
      },
    };
  },
});

export const usageRoutes = [queryRoute, forecastRoute];
