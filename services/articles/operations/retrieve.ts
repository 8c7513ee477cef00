import type {
  RetrieveRequest,
  RetrieveResponse,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { readerOf, requireMember } from "../authority.ts";
import { contextOf } from "../core/context.ts";
import { worthTelling } from "../core/fusion.ts";
import { articlesFaults } from "../faults.ts";
import { hitMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { cleanLanguage, cleanQuery } from "./search.ts";

const limitDefault = 5;
const limitMax = 20;

/**
 * What of the articles belongs into the context of a chat: as the caller's own key may read it, for
 * an answer may be shown to whoever that key serves.
 */
export async function retrieve(
  { searcher }: ArticlesParts,
  request: RetrieveRequest,
  context: CallContext,
): Promise<MessageInit<RetrieveResponse>> {
  requireMember(context, request.organisationId, articlesFaults.organisation_not_found);
  const limit = Math.min(request.limit || limitDefault, limitMax);
  const found = await searcher.search({
    reader: readerOf(context),
    query: cleanQuery(request.query),
    language: cleanLanguage(request.language),
    mode: "hybrid",
    limit,
  });
  const worth = worthTelling(found.passages, { limit });
  const { text, used } = contextOf(worth, request.tokensMax);
  return {
    context: text,
    hits: worth.slice(0, used).map(hitMessage),
    degraded: [...found.degraded],
  };
}
