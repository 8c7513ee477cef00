/** Upstreams as managers see and change them. Credentials go in and never come out. */
import type { Upstream } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const nameField = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "must be a name like vllm-1");
const durationMs = z.int().min(0).max(7_200_000).default(0);

const upstreamInput = z.strictObject({
  profile: z.string().max(32).meta({ description: "vllm, sglang, llamacpp, ollama, deepseek, …" }),
  base_url: z
    .string()
    .max(2048)
    .meta({ examples: ["http://vllm-1:8000/v1"] }),
  api_key: z.string().max(4096).default("").meta({ description: "Empty keeps the stored one." }),
  role: z.enum(["primary", "standby"]).default("primary"),
  first_token_timeout_ms: durationMs,
  idle_timeout_ms: durationMs,
  total_timeout_ms: durationMs,
  max_concurrency: z.int().min(0).max(100_000).default(0),
  discover: z.boolean().default(true),
  enabled: z.boolean().default(true),
  models: z.array(z.string().max(256)).max(1_000).default([]),
});

const upstream = upstreamInput
  .omit({ api_key: true })
  .extend({
    name: z.string(),
    has_api_key: z.boolean(),
    source: z.string().meta({ description: "file, management, detected or engine." }),
    state: z.string().meta({ description: "unknown, up, degraded or down." }),
    state_reason: z.string(),
    state_since: timeField.nullable(),
    continuation: z.string(),
    version: z.string(),
  })
  .meta({ id: "Upstream" });

const params = z.strictObject({ name: nameField });
const readUpstreams = { permission: "upstreams:read" } as const;
const writeUpstreams = { permission: "upstreams:write", visibleWith: "upstreams:read" } as const;
const tag = "Upstreams";

export const upstreamRoutes = [
  route({
    method: "GET",
    path: "/api/v1/upstreams",
    operationId: "listUpstreams",
    summary: "List upstreams with their models and how they are doing.",
    tag,
    access: readUpstreams,
    reply: z.strictObject({ data: z.array(upstream) }),
    handle: async (call, { inference }) => {
      const { upstreams } = await inference.listUpstreams({}, asCaller(call));
      return { body: { data: upstreams.map(upstreamFromMessage) } };
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/upstreams/:name",
    operationId: "putUpstream",
    summary: "Add an upstream, or change one that was added here.",
    tag,
    access: writeUpstreams,
    params,
    body: upstreamInput,
    reply: upstream,
    faults: [
      "inference.upstream_invalid",
      "inference.address_refused",
      "inference.upstream_from_file",
      "inference.version_conflict",
    ],
    handle: async (call, { inference }) => {
      const stored = await inference.putUpstream(
        {
          upstream: messageFromInput(call.params.name, call.body),
          expectedVersion: call.expectedVersion,
        },
        asCaller(call),
      );
      return { body: upstreamFromMessage(stored), version: stored.version };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/upstreams/:name",
    operationId: "deleteUpstream",
    summary: "Remove an upstream that was added here.",
    tag,
    access: writeUpstreams,
    params,
    faults: ["inference.upstream_not_found", "inference.upstream_from_file"],
    handle: async (call, { inference }) => {
      await inference.deleteUpstream({ name: call.params.name }, asCaller(call));
      return {};
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/upstreams/:name/test",
    operationId: "testUpstream",
    summary: "Connect to an upstream and list its models; changes nothing.",
    description: "With a body: one that you think of adding. Without: the one of this name.",
    tag,
    access: writeUpstreams,
    idempotency: "none",
    params,
    body: upstreamInput.optional(),
    reply: z.strictObject({
      ok: z.boolean(),
      message: z.string(),
      models: z.array(z.string()),
      latency_ms: z.int(),
    }),
    faults: ["inference.upstream_not_found", "inference.upstream_invalid"],
    handle: async (call, { inference }) => {
      const given = call.body === undefined ? { name: call.params.name } : undefined;
      const found = await inference.testUpstream(
        { upstream: given ?? messageFromInput(call.params.name, call.body ?? undefined) },
        asCaller(call),
      );
      const { ok, message, models, latencyMs } = found;
      return { body: { ok, message, models, latency_ms: latencyMs } };
    },
  }),
];

function messageFromInput(name: string, body: z.output<typeof upstreamInput> | undefined) {
  if (body === undefined) return { name };
  return {
    name,
    profile: body.profile,
    baseUrl: body.base_url,
    apiKey: body.api_key,
    role: body.role,
    firstTokenTimeoutMs: body.first_token_timeout_ms,
    idleTimeoutMs: body.idle_timeout_ms,
    totalTimeoutMs: body.total_timeout_ms,
    maxConcurrency: body.max_concurrency,
    discover: body.discover,
    enabled: body.enabled,
    models: body.models,
  };
}

function upstreamFromMessage(message: Upstream): z.input<typeof upstream> {
  return {
    name: message.name,
    profile: message.profile,
    base_url: message.baseUrl,
    role: message.role === "standby" ? "standby" : "primary",
    first_token_timeout_ms: message.firstTokenTimeoutMs,
    idle_timeout_ms: message.idleTimeoutMs,
    total_timeout_ms: message.totalTimeoutMs,
    max_concurrency: message.maxConcurrency,
    discover: message.discover,
    enabled: message.enabled,
    models: message.models,
    has_api_key: message.hasApiKey,
    source: message.source,
    state: message.state,
    state_reason: message.stateReason,
    state_since: timeOf(message.stateSinceMs),
    continuation: message.continuation,
    version: message.version.toString(),
  };
}
