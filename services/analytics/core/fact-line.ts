import { formatNanos } from "@tandem/libs/kernel";
import type { Fact } from "./fact.ts";

type Value = string | number | boolean | null;

/** What everybody who may see usage sees of a call, in the order of a CSV file's columns. */
const commonColumns = [
  "id",
  "at",
  "project_id",
  "user_id",
  "key_id",
  "model",
  "endpoint",
  "outcome",
  "status",
  "requests",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "reasoning_tokens",
  "is_estimated",
  "is_stream",
  "duration_ms",
  "first_token_ms",
  "cost",
  "currency",
  "price_id",
] as const;

/** And who may see what upstreams take. */
const marginColumns = ["upstream", "upstream_cost"] as const;

export type FactColumn = (typeof commonColumns)[number] | (typeof marginColumns)[number];

export function factColumns(withMargin: boolean): readonly FactColumn[] {
  return withMargin ? [...commonColumns, ...marginColumns] : commonColumns;
}

/** A fact as people read it: money in decimal text, times in RFC 3339, what is not known null. */
export function factLine(fact: Fact): Readonly<Record<FactColumn, Value>> {
  return {
    id: fact.id,
    at: new Date(fact.atMs).toISOString(),
    project_id: fact.projectId || null,
    user_id: fact.userId || null,
    key_id: fact.keyId || null,
    model: fact.model || null,
    endpoint: fact.endpoint || null,
    outcome: fact.outcome,
    status: fact.status || null,
    requests: fact.requests,
    input_tokens: fact.inputTokens,
    cached_input_tokens: fact.cachedInputTokens,
    output_tokens: fact.outputTokens,
    reasoning_tokens: fact.reasoningTokens,
    is_estimated: fact.estimated,
    is_stream: fact.stream,
    duration_ms: fact.durationMs || null,
    first_token_ms: fact.firstTokenMs || null,
    cost: formatNanos(fact.chargedNanos),
    currency: fact.currency || null,
    price_id: fact.priceId || null,
    upstream: fact.upstream || null,
    upstream_cost: fact.upstreamKnown ? formatNanos(fact.upstreamNanos) : null,
  };
}
