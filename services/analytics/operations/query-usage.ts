import type {
  QueryUsageRequest,
  QueryUsageResponse,
  UsageRow,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { maySeeMargin, requireReader } from "../authority.ts";
import { countOf, percentilesOf, type Sketch } from "../core/sketch.ts";
import { cover, type Level, levelFor, levels, stepMs, widened } from "../core/steps.ts";
import { analyticsFaults } from "../faults.ts";
import type { AnalyticsParts } from "../parts.ts";
import { type GroupField, groupFields } from "../store/ask.ts";
import {
  type AnswerRow,
  findCurrency,
  lastRecordedMs,
  query,
  type Ranking,
  rankings,
} from "../store/query.ts";
import { keptSinceOf, readFilter, readSpan } from "./read-request.ts";

const groupsMax = 3;
const limitDefault = 20;
const limitMax = 200;
const rowsMax = 20_000;
/** With percentiles, of which each row has some hundred counts behind it. */
const latencyRowsMax = 2_000;
const shares = [0.5, 0.9, 0.95, 0.99] as const;

export async function queryUsage(
  parts: AnalyticsParts,
  request: QueryUsageRequest,
  context: CallContext,
): Promise<MessageInit<QueryUsageResponse>> {
  const { organisationId } = request;
  requireReader(context, organisationId);
  const asked = readQuestion(request);
  const level = levelFor(asked.span, {
    least: asked.step === "none" ? "minute" : asked.step,
    keptSinceMs: keptSinceOf(parts),
  });
  // A step that was thrown away is answered in the next longer one, and the answer's times say so.
  const step = asked.step === "none" ? 0 : stepMs[level];
  const span = widened(level, asked.span);
  const steps = step === 0 ? 1 : (span.untilMs - span.fromMs) / step;
  const most = request.latency ? latencyRowsMax : rowsMax;
  if (steps * (asked.groupBy.length === 0 ? 1 : asked.limit + 1) > most) {
    throw analyticsFaults.too_fine({ context: { steps, rows_max: most } });
  }
  const answer = await query(parts.database, {
    organisationId,
    filter: readFilter(request.filter),
    pieces: cover(span, { finest: level, coarsest: step === 0 ? "day" : level }),
    ...{ groupBy: asked.groupBy, rankBy: asked.rankBy, limit: asked.limit },
    stepMs: step,
    hasLatency: request.latency,
    currency: await findCurrency(parts.database, organisationId),
  });
  const isWhole = maySeeMargin(context);
  const toRow = (row: AnswerRow) => rowMessage(row, { isWhole, hasLatency: request.latency });
  return {
    rows: answer.rows.map(toRow),
    totals: answer.totals.map(toRow),
    restGroups: BigInt(answer.restGroups),
    fromMs: BigInt(span.fromMs),
    untilMs: BigInt(span.untilMs),
    marginShown: isWhole,
    recordedAtMs: BigInt(await lastRecordedMs(parts.database)),
  };
}

function readQuestion(request: QueryUsageRequest): {
  readonly span: ReturnType<typeof readSpan>;
  readonly groupBy: readonly GroupField[];
  readonly step: Level | "none";
  readonly rankBy: Ranking;
  readonly limit: number;
} {
  const span = readSpan(request);
  const groupBy = request.groupBy.filter((name): name is GroupField =>
    Object.hasOwn(groupFields, name),
  );
  const isKnown = groupBy.length === request.groupBy.length;
  if (!isKnown || groupBy.length > groupsMax || new Set(groupBy).size < groupBy.length) {
    const names = Object.keys(groupFields).join(", ");
    throw analyticsFaults.malformed({
      publicMessage: `Usage is grouped by up to ${groupsMax} of ${names}, each once.`,
    });
  }
  const step = request.step || "none";
  const known: readonly string[] = levels;
  if (step !== "none" && !known.includes(step)) {
    throw analyticsFaults.malformed({ publicMessage: "A step is none, minute, hour or day." });
  }
  const rankBy = request.rankBy || "charged";
  if (!Object.hasOwn(rankings, rankBy)) {
    const names = Object.keys(rankings).join(", ");
    throw analyticsFaults.malformed({ publicMessage: `Groups are ranked by ${names}.` });
  }
  const limit = Math.min(request.limit || limitDefault, limitMax);
  return { span, groupBy, step: step as Level | "none", rankBy: rankBy as Ranking, limit };
}

function rowMessage(
  row: AnswerRow,
  { isWhole, hasLatency }: { readonly isWhole: boolean; readonly hasLatency: boolean },
): MessageInit<UsageRow> {
  return {
    atMs: BigInt(row.atMs),
    group: [...row.group],
    isRest: row.isRest,
    currency: row.currency,
    requests: row.requests,
    errors: row.errors,
    inputTokens: row.inputTokens,
    cachedInputTokens: row.cachedInputTokens,
    outputTokens: row.outputTokens,
    reasoningTokens: row.reasoningTokens,
    chargedNanos: row.chargedNanos,
    upstreamNanos: isWhole ? row.upstreamNanos : 0n,
    marginChargedNanos: isWhole ? row.marginChargedNanos : 0n,
    estimatedRequests: row.estimatedRequests,
    ...(hasLatency && {
      duration: percentilesMessage(row.durations),
      firstToken: percentilesMessage(row.firstTokens),
    }),
  };
}

function percentilesMessage(sketch: Sketch) {
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = percentilesOf(sketch, shares);
  return { count: BigInt(countOf(sketch)), p50, p90, p95, p99 };
}
