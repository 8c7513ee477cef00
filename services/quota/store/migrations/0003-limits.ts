import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/** Rate limits, and the feed of organisations whose limits, budgets or credit changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table limits (
      id text primary key,
      organisation_id text not null,
      project_id text not null,
      user_id text not null,
      key_id text not null,
      model text not null,
      kind text not null check (kind in ('requests', 'tokens', 'concurrency')),
      amount bigint not null check (amount >= 0),
      window_ms bigint not null check (window_ms >= 0),
      version bigint not null,
      constraint one_limit_per_subject
        unique (organisation_id, project_id, user_id, key_id, model, kind, window_ms)
    )`.execute(db);
  // One row, locked by whoever writes a change until it commits: so the order of the sequence is
  // the order of the commits, and no reader passes a number that has yet to appear.
  await sql`
    create table change_head (
      is_only boolean primary key default true check (is_only),
      sequence bigint not null
    )`.execute(db);
  await sql`insert into change_head (sequence) values (0)`.execute(db);
  await sql`
    create table changes (
      sequence bigint primary key,
      organisation_id text not null,
      at_ms bigint not null
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table changes, change_head, limits`.execute(db);
}
