import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/** What was decided about credit that orders asked back, once for each refund. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table take_backs (
      refund_id text primary key,
      organisation_id text not null,
      order_id text not null,
      asked_nanos bigint not null check (asked_nanos > 0),
      taken_nanos bigint not null check (taken_nanos between 0 and asked_nanos),
      remaining_nanos bigint not null,
      at_ms bigint not null
    )`.execute(db);
  await sql`
    create trigger append_only before update or delete on take_backs
    for each row execute function refuse_change()`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table take_backs`.execute(db);
}
