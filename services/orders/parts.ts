import type { Database } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import type { Schema } from "./store/schema.ts";

/** What operations are carried out with. */
export interface OrdersParts {
  readonly database: Database<Schema>;
  readonly config: Config;
  /** Deliver what was enqueued: called after a commit. */
  readonly wakeRelay: () => void;
}
