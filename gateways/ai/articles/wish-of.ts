import type { Call } from "../call.ts";
import { isExtractive } from "../core/catalogue/extractive.ts";
import { type ArticlesWish, articlesOn } from "../core/request/articles-wish.ts";
import type { AiParts } from "../parts.ts";

/**
 * What this chat wants of articles: as it says itself, else by its project's rule. Undefined: none.
 * For nearly all requests this is one look into an empty map.
 */
export function wishOf(call: Call, { articles }: AiParts): ArticlesWish | undefined {
  const { request } = call;
  // An extractive model reads them itself.
  if (request.endpoint !== "chat" || isExtractive(call.model)) return undefined;
  if (request.articles !== undefined) {
    return request.articles.isWanted ? request.articles : undefined;
  }
  if (articles.rules.isEmpty) return undefined;
  const rule = articles.rules.find(call.identity.claims, call.model.id);
  return rule === undefined ? undefined : { ...articlesOn, limit: rule.limit };
}
