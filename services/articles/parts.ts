import type { VersionFeed } from "@tandem/libs/service";
import type { Database } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import type { Answerer } from "./search/answerer.ts";
import type { Searcher } from "./search/searcher.ts";
import type { RuleRow } from "./store/rules.ts";
import type { Schema } from "./store/schema.ts";

/** The rules of all projects as this replica knows them. */
export interface RuleBoard {
  readonly feed: VersionFeed;
  readonly rules: readonly RuleRow[];
}

/** What operations are carried out with. */
export interface ArticlesParts {
  readonly database: Database<Schema>;
  readonly config: Config;
  readonly searcher: Searcher;
  readonly answerer: Answerer;
  readonly rules: RuleBoard;
  /** Deliver what was enqueued: called after a commit. */
  readonly wakeRelay: () => void;
  /** There are passages that want a vector: called after a commit. */
  readonly wakeFiller: () => void;
}
