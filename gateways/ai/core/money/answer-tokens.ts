import type { CatalogueModel } from "../catalogue/catalogue.ts";
import type { GenerationRequest } from "../request/generation-request.ts";
import { likelyPromptTokens } from "./prompt-estimate.ts";

/** For limits of tokens, where a request does not say how long its answer may be. */
export const answerTokensDefault = 1_024;

/** DeepSeek's defaults. */
const plainTokens = 8_192;
const thinkingTokens = 65_536;
const maxEffortTokens = 131_072;
const leastTokens = 16;

/**
 * The most tokens an answer may have: what the request says, else the API's default for it, within
 * what the model can give and its context leaves.
 */
export function defaultTokens(request: GenerationRequest, model: CatalogueModel): number {
  if (request.endpoint === "embeddings") return 0;
  const { contextTokens, maxOutputTokens, capabilities } = model;
  const thinks = request.isThinking ?? capabilities.has("reasoning");
  const usual = request.isMaxEffort ? maxEffortTokens : thinks ? thinkingTokens : plainTokens;
  let tokens = request.maxTokens ?? usual;
  if (maxOutputTokens > 0) tokens = Math.min(tokens, maxOutputTokens);
  if (contextTokens > 0) {
    const left = contextTokens - likelyPromptTokens(request.prompt);
    tokens = Math.min(tokens, Math.max(left, leastTokens));
  }
  return tokens;
}
