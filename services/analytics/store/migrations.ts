import { type Migrations, outboxMigration } from "@tandem/libs/store";
import * as usage from "./migrations/0002-usage.ts";

/** Schema changes in their order. Every step must leave the version before it working. */
export const migrations: Migrations = {
  "0001-inbox": outboxMigration,
  "0002-usage": usage,
};
