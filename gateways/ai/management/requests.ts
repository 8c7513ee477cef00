/** What became of requests: phases with durations, attempts, tokens, cost. */
import type { RequestRecord } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import {
  moneyField,
  moneyOf,
  pageOf,
  pageQueryWith,
  pageReply,
  timeField,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const phase = z
  .strictObject({
    name: z.string().meta({ description: "One of the twelve phases, or an attempt's step." }),
    start_ms: z.number().meta({ description: "Since the request was received." }),
    duration_ms: z.number(),
    outcome: z.string().meta({ description: "ok, skipped or failed." }),
    note: z.string(),
  })
  .meta({ id: "RequestPhase" });

const attempt = z
  .strictObject({
    upstream: z.string(),
    model: z.string(),
    start_ms: z.number(),
    duration_ms: z.number(),
    first_token_ms: z.number(),
    status: z.int(),
    fault: z.string(),
  })
  .meta({ id: "RequestAttempt" });

const request = z
  .strictObject({
    id: z.string(),
    trace_id: z.string(),
    project_id: z.string(),
    key_id: z.string(),
    endpoint: z.string(),
    model: z.string(),
    upstream: z.string(),
    status: z.int(),
    fault: z.string(),
    outcome: z.string().meta({ description: "complete, partial, failed, cached or canceled." }),
    at: timeField,
    duration_ms: z.number(),
    first_token_ms: z.number(),
    stream: z.boolean(),
    cache: z.string(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    charged: moneyField,
    gateway: z.string(),
    articles: z.array(z.string()).meta({ description: "In its context, as `id@version`." }),
    phases: z.array(phase),
    attempts: z.array(attempt),
  })
  .meta({ id: "Request" });

const requestIdField = z.string().regex(/^[\w.:-]{1,128}$/, "must be a request id");

export const requestRoutes = [
  route({
    method: "GET",
    path: "/api/v1/requests/:request_id",
    operationId: "getRequest",
    summary: "Read what became of a request, phase by phase.",
    tag: "Requests",
    access: { permission: "requests:read" },
    params: z.strictObject({ request_id: requestIdField }),
    reply: request,
    faults: ["monitoring.request_not_found"],
    handle: async (call, { monitoring }) => {
      const record = await monitoring.getRequest(
        {
          organisationId: call.caller.claims.organisationId,
          requestId: call.params.request_id,
        },
        asCaller(call),
      );
      return { body: requestFromRecord(record) };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/requests",
    operationId: "listRequests",
    summary: "List requests, newest first.",
    tag: "Requests",
    access: { permission: "requests:read" },
    query: pageQueryWith({
      project_id: z.string().max(64).default(""),
      key_id: z.string().max(64).default(""),
    }),
    reply: pageOf(request),
    handle: async (call, { monitoring }) => {
      const { records, hasMore } = await monitoring.listRequests(
        {
          organisationId: call.caller.claims.organisationId,
          projectId: call.query.project_id,
          keyId: call.query.key_id,
          limit: call.query.limit,
          after: call.query.after,
        },
        asCaller(call),
      );
      return pageReply({
        items: records.map(requestFromRecord),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
];

function requestFromRecord(record: RequestRecord): z.input<typeof request> {
  return {
    id: record.requestId,
    trace_id: record.traceId,
    project_id: record.projectId,
    key_id: record.keyId,
    endpoint: record.endpoint,
    model: record.model,
    upstream: record.upstream,
    status: record.status,
    fault: record.fault,
    outcome: record.outcome,
    at: new Date(Number(record.atMs)).toISOString(),
    duration_ms: record.durationMs,
    first_token_ms: record.firstTokenMs,
    stream: record.stream,
    cache: record.cache,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    charged: moneyOf(record.chargedNanos, record.currency === "" ? "USD" : record.currency),
    gateway: record.gateway,
    articles: record.articles,
    phases: record.phases.map((entry) => ({
      name: entry.name,
      start_ms: entry.startMs,
      duration_ms: entry.durationMs,
      outcome: entry.outcome,
      note: entry.note,
    })),
    attempts: record.attempts.map((entry) => ({
      upstream: entry.upstream,
      model: entry.model,
      start_ms: entry.startMs,
      duration_ms: entry.durationMs,
      first_token_ms: entry.firstTokenMs,
      status: entry.status,
      fault: entry.fault,
    })),
  };
}
