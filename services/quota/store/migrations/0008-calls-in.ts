import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/** When somebody was last short of money that lay in stock elsewhere: then nobody keeps any. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table wallets add column short_at_ms bigint not null default 0`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table wallets drop column short_at_ms`.execute(db);
}
