import type { CallerIdentity } from "@tandem/libs/gateway";
import type { ArticleRules } from "../core/context/article-rules.ts";

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
}
