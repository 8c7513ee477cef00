import type { Phase } from "@tandem/libs/gateway";
import { wishOf } from "../articles/wish-of.ts";
import type { StoredAnswer } from "../cache/answer-memory.ts";
import { leadOrFollow } from "../cache/follow-flight.ts";
import type { Call } from "../call.ts";
import { cacheKey } from "../core/cache/cache-key.ts";
import { cacheUse } from "../core/cache/cache-policy.ts";
import { isExtractive } from "../core/catalogue/extractive.ts";
import type { AiParts } from "../parts.ts";

/**
 * 6 look up cache: is the answer known, or being made for somebody who asked the same? Then only
 * its giving is left.
 */
export function lookUpCachePhase(parts: AiParts): Phase<Call> {
  const { config, cache } = parts;
  return {
    name: "look_up_cache",
    throws: ["ai.client_left"],
    isRepeatable: true,
    run(call) {
      // Articles change: what was said of them yesterday is no answer today.
      if (wishOf(call, parts) !== undefined || isExtractive(call.model)) return "skipped";
      // An answer that was begun goes on; another one would not fit behind it.
      if (call.handOver !== undefined) return "skipped";
      const use = cacheUse(call.request, {
        control: call.exchange.head.headers.get("x-tandem-cache-control"),
        isEnabled: config.cache.isEnabled,
      });
      const isAlone = (call.keeping?.previousId ?? "") === "";
      if (!isAlone || (!use.mayRead && !use.mayStore)) return "skipped";
      const { organisationId, keyId } = call.identity.claims;
      const key = cacheKey(call.request, {
        tenant: config.cache.scope === "key" ? keyId : organisationId,
        policyVersion: call.identity.policyVersion,
        model: call.model.id,
      });
      call.cachePlace = { organisationId, key };
      if (!use.mayRead) return "done";
      call.cacheMark = "miss";
      const here = cache.find(call.cachePlace);
      if (here !== undefined) return answerWith(call, here);
      const place = call.cachePlace;
      return cache.fetch(place).then((found) => {
        if (found !== undefined) return answerWith(call, found);
        const mayShare = use.mayStore && !call.request.isStream;
        return mayShare ? leadOrFollow(call, parts, { place, answerWith }) : "done";
      });
    },
  };
}

function answerWith(call: Call, answer: StoredAnswer): "answered" {
  call.cached = answer;
  call.cacheMark = "hit";
  call.outcome = "cached";
  return "answered";
}
