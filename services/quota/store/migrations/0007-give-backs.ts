import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/** What was taken off settlements again, once each: the settlement itself is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table give_backs (
      settlement_id text primary key,
      organisation_id text not null,
      nanos bigint not null check (nanos >= 0),
      input_tokens bigint not null,
      cached_input_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      given_at_ms bigint not null
    )`.execute(db);
  await sql`
    create trigger append_only before update or delete on give_backs
    for each row execute function refuse_change()`.execute(db);
  await sql`
    create trigger never_emptied before truncate on give_backs
    for each statement execute function refuse_change()`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table give_backs`.execute(db);
}
