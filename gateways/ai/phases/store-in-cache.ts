import type { Phase } from "@tandem/libs/gateway";
import { wholeBody } from "../answer-body.ts";
import type { Call } from "../call.ts";
import { isCacheable } from "../core/cache/cache-policy.ts";
import { writeUsage } from "../core/money/token-usage.ts";
import type { AiParts } from "../parts.ts";

/** 10 store in cache: complete answers only, in the form of a whole one. */
export function storeInCachePhase({ cache }: AiParts): Phase<Call> {
  return {
    name: "store_in_cache",
    throws: [],
    isRepeatable: false,
    run(call) {
      const { cachePlace, reader, whole } = call;
      if (cachePlace === undefined || call.outcome !== "complete") return "skipped";
      const finishReason = reader?.finishReason || (whole?.finishReason ?? "");
      const isKept = call.endpoint === "embeddings" || isCacheable(finishReason);
      if (!isKept || !call.sent.isWhole) return "skipped";
      // Without what this one cost: those who get it from here pay nothing.
      const body = wholeBody(call, writeUsage(call.usage));
      const upstream = call.target?.upstream.settings.name ?? "";
      cache.store(cachePlace, { body, upstream });
      return "done";
    },
  };
}
