import type { GenerationRequest } from "../request/generation-request.ts";

/** Whether an answer may come from the cache, and whether it may go there. */
export interface CacheUse {
  readonly mayRead: boolean;
  readonly mayStore: boolean;
}

const never: CacheUse = { mayRead: false, mayStore: false };

/**
 * By default only requests that have one right answer are cached: temperature 0, and embeddings.
 * Whoever samples twice wants two samples. A request can say otherwise with
 * `x-tandem-cache-control`: `cache` for any request, `no-cache` for a fresh answer that is kept,
 * `no-store` for neither.
 */
export function cacheUse(
  request: GenerationRequest,
  { control, isEnabled }: { readonly control: string | undefined; readonly isEnabled: boolean },
): CacheUse {
  if (!isEnabled || request.conversationId !== "") return never;
  const words = control === undefined ? [] : control.toLowerCase().split(/[\s,]+/);
  if (words.includes("no-store")) return never;
  const isWanted = words.includes("cache") && request.choices === 1;
  if (!request.isDeterministic && !isWanted) return never;
  return { mayRead: !words.includes("no-cache"), mayStore: true };
}

/** Finish reasons of answers that are what the model had to say. */
const completeReasons: ReadonlySet<string> = new Set(["stop", "length"]);

/** A tool call is for acting on; the same act twice may be one too many. */
export function isCacheable(finishReason: string): boolean {
  return completeReasons.has(finishReason);
}
