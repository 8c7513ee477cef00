import type { AnswerRequest, AnswerResponse } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { readerOf, requireMember } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { hitMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { cleanLanguage, cleanQuery } from "./search.ts";

/** Quotes what the articles say to a question, or nothing. */
export async function answer(
  { answerer }: ArticlesParts,
  request: AnswerRequest,
  context: CallContext,
): Promise<MessageInit<AnswerResponse>> {
  requireMember(context, request.organisationId, articlesFaults.organisation_not_found);
  const found = await answerer.answer({
    reader: readerOf(context),
    query: cleanQuery(request.query),
    language: cleanLanguage(request.language),
  });
  return {
    quotes: found.quotes.map(({ text, passage, score }) => ({ text, hit: passage + 1, score })),
    hits: found.passages.map(hitMessage),
    degraded: [...found.degraded],
  };
}
