import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/**
 * Limits and budgets that the platform sets above an organisation's own, raises that end by
 * themselves, budgets that only warn, and what was warned of. Names and defaults are such that the
 * version before goes on working: it knows all as the organisation's own, hard and not raised.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ["limits", "budgets"]) {
    await sql`
      alter table ${sql.raw(table)}
        add column set_by text not null default 'organisation'
          check (set_by in ('organisation', 'platform')),
        add column raise_amount bigint check (raise_amount >= 0),
        add column raise_until_ms bigint,
        add column raise_by text not null default '',
        add column raise_reason text not null default ''`.execute(db);
  }
  await sql`alter table limits drop constraint one_limit_per_subject`.execute(db);
  await sql`
    alter table limits add constraint one_limit_per_subject
    unique (organisation_id, project_id, user_id, key_id, model, kind, window_ms, set_by)`.execute(
    db,
  );
  await sql`
    alter table budgets
      add column is_soft boolean not null default false,
      add column warn_at integer[] not null default '{}'`.execute(db);
  await sql`drop index one_budget_per_subject`.execute(db);
  await sql`
    create unique index one_budget_per_subject
    on budgets (organisation_id, project_id, user_id, key_id, model, period, set_by, is_soft)
    where deleted_at_ms is null`.execute(db);
  await sql`
    alter table budget_periods add column told_percent integer not null default 0`.execute(db);
  await sql`
    create table budget_warnings (
      id text primary key,
      organisation_id text not null,
      budget_id text not null references budgets,
      period_key text not null,
      percent integer not null,
      spent_nanos bigint not null,
      nanos bigint not null,
      at_ms bigint not null,
      constraint one_warning_per_threshold unique (budget_id, period_key, percent)
    )`.execute(db);
  await sql`
    create index budget_warnings_of_organisation on budget_warnings (organisation_id, id)`.execute(
    db,
  );
}

/** What the version before cannot know goes: ceilings, and budgets that refuse nobody. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table budget_warnings`.execute(db);
  await sql`alter table budget_periods drop column told_percent`.execute(db);
  await sql`delete from limits where set_by = 'platform'`.execute(db);
  await sql`
    update budgets set deleted_at_ms = coalesce(deleted_at_ms, 0)
    where set_by = 'platform' or is_soft`.execute(db);
  await sql`alter table limits drop constraint one_limit_per_subject`.execute(db);
  await sql`drop index one_budget_per_subject`.execute(db);
  for (const table of ["limits", "budgets"]) {
    await sql`
      alter table ${sql.raw(table)} drop column set_by, drop column raise_amount,
        drop column raise_until_ms, drop column raise_by, drop column raise_reason`.execute(db);
  }
  await sql`alter table budgets drop column is_soft, drop column warn_at`.execute(db);
  await sql`
    alter table limits add constraint one_limit_per_subject
    unique (organisation_id, project_id, user_id, key_id, model, kind, window_ms)`.execute(db);
  await sql`
    create unique index one_budget_per_subject
    on budgets (organisation_id, project_id, user_id, key_id, model, period)
    where deleted_at_ms is null`.execute(db);
}
