/** What a request took, as it is charged and reported. Cached input is part of input. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  /** Part of output. */
  readonly reasoningTokens: number;
  /** Counted by us, since the upstream did not say. */
  readonly isEstimated: boolean;
}

export const noUsage: TokenUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  isEstimated: false,
};

interface UsageFields {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly prompt_cache_hit_tokens?: unknown;
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: unknown } | null;
}

/** Reads the usage of any OpenAI-like server; undefined when it is no usage. */
export function readUsage(value: unknown): TokenUsage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as UsageFields;
  const inputTokens = countOf(fields.prompt_tokens);
  const outputTokens = countOf(fields.completion_tokens) ?? 0;
  if (inputTokens === undefined) return undefined;
  const cached =
    countOf(fields.prompt_cache_hit_tokens) ??
    countOf(fields.prompt_tokens_details?.cached_tokens) ??
    0;
  const reasoning = countOf(fields.completion_tokens_details?.reasoning_tokens) ?? 0;
  return {
    inputTokens,
    cachedInputTokens: Math.min(cached, inputTokens),
    outputTokens,
    reasoningTokens: Math.min(reasoning, outputTokens),
    isEstimated: false,
  };
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31
    ? value
    : undefined;
}

/**
 * The usage as JSON, in DeepSeek's form with OpenAI's detail fields, since each client reads
 * another one. `extension` is one more member, written as JSON.
 */
export function writeUsage(usage: TokenUsage, extension = ""): string {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = usage;
  const reasoning =
    reasoningTokens === 0
      ? ""
      : `,"completion_tokens_details":{"reasoning_tokens":${reasoningTokens}}`;
  return (
    `{"prompt_tokens":${inputTokens},"completion_tokens":${outputTokens},` +
    `"total_tokens":${inputTokens + outputTokens},` +
    `"prompt_cache_hit_tokens":${cachedInputTokens},` +
    `"prompt_cache_miss_tokens":${inputTokens - cachedInputTokens},` +
    `"prompt_tokens_details":{"cached_tokens":${cachedInputTokens}}${reasoning}` +
    `${extension === "" ? "" : `,${extension}`}}`
  );
}
