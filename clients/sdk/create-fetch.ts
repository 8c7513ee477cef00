import { answerRequest } from "./answer-request.ts";
import { RetryBudget } from "./core/retry-budget.ts";
import type { FetchOptions, SharedState } from "./fetch-options.ts";
import { readRequest } from "./replayable-request.ts";
import { realSurroundings, type Surroundings } from "./surroundings.ts";

/**
 * A `fetch` that makes a request again when its answer was lost, and asks for the rest of a stream
 * that broke. Give it to `new OpenAI({ fetch, maxRetries: 0 })` or to Anthropic's client.
 */
export function createFetch(
  options: FetchOptions = {},
  surroundings: Surroundings = realSurroundings(options.fetch),
): typeof fetch {
  const shared: SharedState = {
    surroundings,
    baseUrls: (options.baseUrls ?? []).map((url) => url.replace(/\/+$/, "")),
    attemptsMax: options.attemptsMax ?? 12,
    patienceMs: options.patienceMs ?? 60_000,
    silenceMs: options.silenceMs ?? 60_000,
    onRetry: options.onRetry ?? (() => undefined),
    budget: new RetryBudget({ perRequest: 0.2, perSecond: 10, max: 100 }),
    site: 0,
  };
  return async (input, init) => {
    const request = await readRequest(input, init);
    if (request === undefined) return surroundings.fetch(input, init);
    return answerRequest(shared, request);
  };
}
