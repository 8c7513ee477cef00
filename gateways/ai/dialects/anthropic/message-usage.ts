import { isObject } from "../reading.ts";

/** Canonical usage as Anthropic counts: what came from a cache is no part of the input. */
export function messageUsage(canonical: unknown): Record<string, unknown> {
  const usage = isObject(canonical) ? canonical : {};
  const prompt = countOf(usage["prompt_tokens"]);
  const cached = Math.min(prompt, countOf(usage["prompt_cache_hit_tokens"]));
  return {
    input_tokens: prompt - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: countOf(usage["completion_tokens"]),
    ...(isObject(usage["x_tandem"]) ? { x_tandem: usage["x_tandem"] } : {}),
  };
}

function countOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
