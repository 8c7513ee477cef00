import { priorityName } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import { citedArticles } from "../answer-fields.ts";
import type { Call } from "../call.ts";

/** One wide line for a request, wide and flat. Never a prompt, never a key. */
export function logCall(log: Log, call: Call, durationMs: number): void {
  const { fault, payer, usage, attempts } = call;
  const line = {
    request_id: call.requestId,
    trace_id: traceIdOf(call),
    key_id: payer?.keyId,
    organisation_id: payer?.organisationId,
    project_id: payer?.projectId,
    endpoint: call.endpoint,
    dialect: call.dialect.name,
    stream: call.validRequest?.isStream,
    model: call.knownModel?.id,
    upstream: call.target?.upstream.settings.name,
    attempts: attempts.length > 1 ? attempts.map(describeAttempt) : attempts.length,
    cache: call.cacheMark,
    priority: priorityName(call.priority),
    code: call.status,
    outcome: call.outcome,
    reason: fault?.reason,
    detail: fault?.detail,
    articles: call.articles && citedArticles(call.articles.citations),
    degraded: call.marks.length === 0 ? undefined : call.marks,
    duration_s: seconds(durationMs),
    ttft_s: call.firstTokenMs > 0 ? seconds(call.firstTokenMs) : undefined,
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    charged_nanos: Number(call.chargedNanos),
    phases_ms: phaseTimes(call),
  };
  const isOurs = fault !== undefined && (fault.blame === "platform" || fault.blame === "upstream");
  if (isOurs) log.error("request", line);
  else log.info("request", line);
}

function describeAttempt({ upstream, failure }: Call["attempts"][number]): string {
  return failure === "" ? upstream : `${upstream}: ${failure}`;
}

/** The trace's id, where the caller sent a valid trace. */
export function traceIdOf({ exchange }: Call): string | undefined {
  const parent = exchange.head.headers.get("traceparent");
  const match = parent === undefined ? null : /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(parent);
  return match?.[1];
}

function phaseTimes({ trace }: Call): Record<string, number> {
  const times: Record<string, number> = {};
  for (const { name, durationMs, outcome } of trace.records()) {
    if (outcome !== "skipped") times[name] = Math.round(durationMs * 1_000) / 1_000;
  }
  return times;
}

function seconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000_000;
}
