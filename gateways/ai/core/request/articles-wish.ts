import { type JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import type { Check } from "./parameter-checks.ts";

/**
 * What a request says about articles in its context, in `x_tandem.articles`: `true`, `false`, or an
 * object with what to look for. Absent: as the project's rule has it.
 */
export interface ArticlesWish {
  readonly isWanted: boolean;
  /** Empty: the last thing the user said. */
  readonly query: string;
  /** Passages, at most; 0: as usual. */
  readonly limit: number;
  /** Empty: every language. */
  readonly language: string;
}

export const articlesOn: ArticlesWish = { isWanted: true, query: "", limit: 0, language: "" };
export const articlesOff: ArticlesWish = { ...articlesOn, isWanted: false };

const queryLengthMax = 2_000;
const limitMax = 20;
const languageTag = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/;
const names = ["query", "limit", "language"];

/** `x_tandem` is an object, and what it says of articles makes sense. */
export const extensionCheck: Check = (document, value) => {
  if (document.kind(value) !== jsonKind.object) return "must be an object";
  const articles = document.member(value, "articles");
  if (articles === nowhere) return undefined;
  const kind = document.kind(articles);
  if (kind === jsonKind.true || kind === jsonKind.false || kind === jsonKind.null) return undefined;
  const problem =
    kind === jsonKind.object ? problemOfWish(document, articles) : "must be a boolean or an object";
  return problem === undefined ? undefined : `has \`articles\`, which ${problem}`;
};

function problemOfWish(document: JsonDocument, wish: number): string | undefined {
  let member = document.firstChild(wish);
  while (member !== nowhere) {
    const name = document.key(member);
    if (!names.includes(name)) return `must not hold \`${name.slice(0, 40)}\``;
    member = document.nextChild(wish, member);
  }
  const query = document.member(wish, "query");
  if (query !== nowhere && !isText(document, query, (text) => text.length <= queryLengthMax)) {
    return `must have a \`query\` of at most ${queryLengthMax} characters`;
  }
  const language = document.member(wish, "language");
  if (language !== nowhere && !isText(document, language, (text) => languageTag.test(text))) {
    return "must have a `language` that is a tag like en";
  }
  const limit = document.member(wish, "limit");
  if (limit === nowhere) return undefined;
  const count = document.kind(limit) === jsonKind.number ? document.number(limit) : 0;
  const isFine = Number.isInteger(count) && count >= 1 && count <= limitMax;
  return isFine ? undefined : `must have a \`limit\` from 1 to ${limitMax}`;
}

function isText(document: JsonDocument, value: number, isFine: (text: string) => boolean): boolean {
  return document.kind(value) === jsonKind.string && isFine(document.text(value));
}

/** The wish in a checked extension; undefined when it says nothing of articles. */
export function readArticlesWish(
  document: JsonDocument,
  extension: number,
): ArticlesWish | undefined {
  if (extension === nowhere) return undefined;
  const articles = document.member(extension, "articles");
  if (articles === nowhere || document.kind(articles) === jsonKind.null) return undefined;
  if (document.kind(articles) === jsonKind.false) return articlesOff;
  if (document.kind(articles) === jsonKind.true) return articlesOn;
  const query = document.member(articles, "query");
  const limit = document.member(articles, "limit");
  const language = document.member(articles, "language");
  return {
    isWanted: true,
    query: query === nowhere ? "" : document.text(query),
    limit: limit === nowhere ? 0 : document.number(limit),
    language: language === nowhere ? "" : document.text(language),
  };
}
