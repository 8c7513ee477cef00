import type { SearchRequest, SearchResponse } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { readerOf, requireMember } from "../authority.ts";
import { isText, problemOfProjects, queryLengthMax } from "../core/article-fields.ts";
import type { SearchMode } from "../core/fusion.ts";
import { isLanguageTag } from "../core/languages.ts";
import { type Reader, seesEverything } from "../core/visibility.ts";
import { articlesFaults } from "../faults.ts";
import { hitMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";

const limitDefault = 10;
const limitMax = 50;

/** Finds what the caller may read; or, for those who see everything, what a project's keys may. */
export async function search(
  { searcher }: ArticlesParts,
  request: SearchRequest,
  context: CallContext,
): Promise<MessageInit<SearchResponse>> {
  requireMember(context, request.organisationId, articlesFaults.organisation_not_found);
  const found = await searcher.search({
    reader: askedReader(request.projectId, context),
    query: cleanQuery(request.query),
    language: cleanLanguage(request.language),
    mode: modeOf(request.mode),
    limit: Math.min(request.limit || limitDefault, limitMax),
  });
  return {
    hits: found.passages.map(hitMessage),
    degraded: [...found.degraded],
    vectorScope: found.vectorScope,
  };
}

function askedReader(projectId: string, context: CallContext): Reader {
  const reader = readerOf(context);
  if (projectId === "" || projectId === reader.projectId) return reader;
  if (!seesEverything(context.passport)) throw articlesFaults.permission_missing();
  const problem = problemOfProjects([projectId]);
  if (problem !== undefined) throw articlesFaults.malformed({ publicMessage: problem });
  return { ...reader, projectId };
}

/** Throws `articles.malformed` for what is no question. */
export function cleanQuery(query: string): string {
  const text = query.trim();
  if (text === "" || text.length > queryLengthMax || !isText(text)) {
    const publicMessage = `A question has 1 to ${queryLengthMax} characters of text.`;
    throw articlesFaults.malformed({ publicMessage });
  }
  return text;
}

export function cleanLanguage(language: string): string {
  if (language === "" || isLanguageTag(language)) return language;
  throw articlesFaults.malformed({
    publicMessage: "The language is a tag like en, fr or zh-Hans.",
  });
}

function modeOf(mode: string): SearchMode {
  if (mode === "" || mode === "hybrid") return "hybrid";
  if (mode === "lexical" || mode === "vector") return mode;
  throw articlesFaults.malformed({ publicMessage: "The mode is hybrid, lexical or vector." });
}
