import type { Database } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import type { Schema } from "./store/schema.ts";

/** What operations are carried out with. */
export interface UsersParts {
  readonly database: Database<Schema>;
  readonly config: Config;
  /** Of the platform; invitation tokens are stored as HMACs under it. */
  readonly pepper: Uint8Array;
  /** Deliver what was enqueued: called after a commit. */
  readonly wakeRelay: () => void;
}
