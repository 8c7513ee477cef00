import type { CallerIdentity } from "@tandem/libs/gateway";
import type { ArticleRules } from "../core/context/article-rules.ts";
import type { Quote } from "../core/context/quoted-answer.ts";

/** Where something in the context comes from, as the answer and its record cite it. */
export interface Citation {
  /** Its number in the context, from 1 on. */
  readonly number: number;
  readonly articleId: string;
  readonly articleVersion: number;
  readonly passageId: string;
  readonly title: string;
  readonly headings: readonly string[];
  /** Empty for the article itself. */
  readonly attachment: string;
  readonly score: number;
}

export interface RetrievedContext {
  /** Ready for a model; empty when nothing is worth it. */
  readonly text: string;
  readonly citations: readonly Citation[];
}

/** What the articles say to a question, as they stand. */
export interface ArticlesAnswer {
  /** Empty when they do not answer it. */
  readonly quotes: readonly Quote[];
  /** The passages that quotes name by their place, from 1 on. */
  readonly citations: readonly Citation[];
  /** Found by words alone, say, since meanings could not be compared. */
  readonly isDegraded: boolean;
}

/** Articles for contexts; the articles service has them. */
export interface Articles {
  /** As of the last snapshot. */
  readonly rules: ArticleRules;
  /** What the caller's key may read of it; undefined when it cannot be had in time. */
  retrieve(
    identity: CallerIdentity,
    wanted: {
      readonly requestId: string;
      readonly query: string;
      readonly limit: number;
      readonly language: string;
      readonly tokensMax: number;
    },
  ): Promise<RetrievedContext | undefined>;
  /** What they say to a question; undefined when it cannot be had in time. */
  answer(
    identity: CallerIdentity,
    wanted: { readonly requestId: string; readonly query: string; readonly language: string },
  ): Promise<ArticlesAnswer | undefined>;
}
