import { createVersionFeed, type Lifecycle, type Site } from "@tandem/libs/service";
import { type Database, subscribe } from "@tandem/libs/store";
import type { RuleBoard } from "./parts.ts";
import { type RuleRow, readRules, rulesChannel } from "./store/rules.ts";
import type { Schema } from "./store/schema.ts";

/** The rules of all projects, read again whenever PostgreSQL notifies of a change. */
export function buildRules(
  { world, log }: Site,
  lifecycle: Lifecycle,
  database: Database<Schema>,
): RuleBoard {
  const feed = createVersionFeed(world.timers);
  let rules: readonly RuleRow[] = [];
  let reading: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    const snapshot = await readRules(database);
    rules = snapshot.rules;
    feed.advance(snapshot.version);
  };
  const refresh = (): Promise<void> => {
    // One after the other, so that an older reading never overwrites a newer one.
    reading = reading.catch(() => undefined).then(read);
    return reading;
  };
  const changes = subscribe(
    database.url,
    rulesChannel,
    () => void refresh().catch((error: unknown) => log.warn("refresh_failed", { error })),
    { world, log, onReconnect: refresh },
  );
  lifecycle.onDrain(() => feed.release());
  lifecycle.defer("rules", () => changes.close());
  return {
    feed,
    get rules() {
      return rules;
    },
  };
}
