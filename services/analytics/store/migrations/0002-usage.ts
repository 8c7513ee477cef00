import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/**
 * Facts, and their sums by minute, hour and day. Who, what and how a call ended is written once, in
 * `series`; facts and sums name it by number, so that they are small and a question about one key
 * reads that key's rows. Sums are changed in the transaction that inserts the facts, and nowhere
 * else but where time throws old ones away.
 *
 * Ids are compared by their bytes (`collate "C"`): half the work for an index, and one order
 * everywhere.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table series (
      id bigint generated always as identity primary key,
      -- Of all the other fields: unique, and short where they are long.
      digest text collate "C" not null unique,
      organisation_id text collate "C" not null,
      project_id text not null,
      user_id text not null,
      key_id text not null,
      model text not null,
      upstream text not null,
      endpoint text not null,
      outcome text not null,
      status integer not null,
      currency text not null,
      price_id text not null,
      input_price bigint not null,
      cached_input_price bigint not null,
      output_price bigint not null,
      upstream_known boolean not null
    )`.execute(db);
  await sql`create index series_of_organisation on series (organisation_id, id)`.execute(db);
  await sql`
    create table facts (
      id text collate "C" primary key,
      series_id bigint not null,
      organisation_id text collate "C" not null,
      at_ms bigint not null,
      settled_at_ms bigint not null,
      requests bigint not null,
      input_tokens bigint not null,
      cached_input_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      charged_nanos bigint not null,
      upstream_nanos bigint not null,
      estimated boolean not null,
      stream boolean not null,
      duration_ms bigint not null,
      first_token_ms bigint not null
    )`.execute(db);
  await sql`create index facts_in_time on facts (organisation_id, at_ms, id)`.execute(db);
  // For throwing away: facts come nearly in the order of time, so a few bytes for 128 pages do.
  await sql`create index facts_by_age on facts using brin (at_ms)`.execute(db);
  for (const table of ["usage_minutes", "usage_hours", "usage_days"]) await sums(db, table);
  await mergeSketches(db);
}

async function sums(db: Kysely<unknown>, table: string): Promise<void> {
  const name = sql.table(table);
  await sql`
    create table ${name} (
      series_id bigint not null,
      at_ms bigint not null,
      requests bigint not null,
      input_tokens bigint not null,
      cached_input_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      charged_nanos bigint not null,
      upstream_nanos bigint not null,
      estimated_requests bigint not null,
      -- Counts by bin of duration: the bin above 32 bits of its count.
      durations bigint[] not null,
      first_tokens bigint[] not null,
      primary key (series_id, at_ms)
    ) with (fillfactor = 80)`.execute(db);
  await sql`create index ${sql.id(`${table}_by_age`)} on ${name} using brin (at_ms)`.execute(db);
}

/** Adds the counts of two sketches; the same as `core/sketch.ts` does. */
async function mergeSketches(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function merge_sketches(one bigint[], other bigint[]) returns bigint[]
    language sql immutable parallel safe as $$
      select case
        when one = '{}' then other
        when other = '{}' then one
        else (
          select array_agg((bin << 32) | total order by bin)
          from (
            select entry >> 32 as bin, sum(entry & 4294967295)::bigint as total
            from unnest(one || other) as entry group by 1
          ) as merged
        )
      end
    $$`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table usage_days, usage_hours, usage_minutes, facts, series`.execute(db);
  await sql`drop function merge_sketches`.execute(db);
}
