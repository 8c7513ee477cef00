import type { Kysely } from "@tandem/libs/store";
import { outboxMigration } from "@tandem/libs/store";

/** Usage leaves for analytics in the transaction that settles it. */
export const up = (db: Kysely<unknown>): Promise<void> => outboxMigration.up(db);

export async function down(db: Kysely<unknown>): Promise<void> {
  await outboxMigration.down?.(db);
}
