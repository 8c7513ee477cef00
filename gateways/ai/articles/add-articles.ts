import type { Call } from "../call.ts";
import { insertContext, questionOf, withSystemRoles } from "../core/context/insert-context.ts";
import type { ArticlesWish } from "../core/request/articles-wish.ts";
import type { AiParts } from "../parts.ts";
import type { RetrievedContext } from "./articles.ts";

/** Of a model's context what articles may take, and the tokens of one that does not say. */
const contextShare = 4;
const tokensDefault = 2_000;
const tokensMax = 8_000;
/** A token for two bytes: no text has more. */
const tokensPerByteMax = 0.5;

/** Looks for what belongs into the context; never rejects. Undefined: it cannot be had. */
export function retrieveFor(
  call: Call,
  parts: AiParts,
  given: { readonly wish: ArticlesWish; readonly messageJsons: readonly string[] },
): Promise<RetrievedContext | undefined> {
  const { wish, messageJsons } = given;
  const query = wish.query.trim() || questionOf(messageJsons);
  if (query === "") return Promise.resolve({ text: "", citations: [] });
  const { contextTokens } = call.model;
  const share = contextTokens > 0 ? Math.floor(contextTokens / contextShare) : tokensDefault;
  return parts.articles.retrieve(call.identity, {
    requestId: call.requestId,
    query,
    limit: wish.limit,
    language: wish.language,
    tokensMax: Math.min(share, tokensMax),
  });
}

/** Puts what was found into the prompt; where nothing could be had the answer is marked. */
export function addArticles(
  call: Call,
  given: {
    readonly found: RetrievedContext | undefined;
    /** The prompt's messages so far, those of its conversation included. */
    readonly messageJsons: readonly string[];
  },
): void {
  const { found, messageJsons } = given;
  if (found === undefined) {
    call.mark("articles");
    return;
  }
  if (found.text === "") return;
  const messages = insertContext(withSystemRoles(messageJsons), found.text);
  call.articles = {
    citations: found.citations,
    messagesJson: `[${messages.join(",")}]`,
    tokens: Math.ceil(Buffer.byteLength(found.text) * tokensPerByteMax),
  };
}
