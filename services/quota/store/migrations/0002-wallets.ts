import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/**
 * Wallets, their credit, leases, budgets and settlements. Whoever changes anything of an
 * organisation holds its row in `wallets` first; several are locked in the order of their ids.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table wallets (
      organisation_id text primary key,
      currency text not null,
      created_at_ms bigint not null
    )`.execute(db);
  await sql`
    create table lots (
      id text primary key,
      organisation_id text not null references wallets,
      kind text not null check (kind in ('granted', 'purchased')),
      granted_nanos bigint not null check (granted_nanos > 0),
      remaining_nanos bigint not null check (remaining_nanos between 0 and granted_nanos),
      expires_at_ms bigint,
      reason text not null,
      idempotency_key text not null,
      created_at_ms bigint not null,
      constraint one_grant_per_key unique (organisation_id, idempotency_key)
    )`.execute(db);
  await sql`
    create index lots_in_use on lots (organisation_id) where remaining_nanos > 0`.execute(db);
  await sql`
    create index lots_expiring on lots (expires_at_ms)
    where remaining_nanos > 0 and expires_at_ms is not null`.execute(db);
  await leases(db);
  await budgets(db);
  await settlements(db);
}

async function leases(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table leases (
      id text primary key,
      organisation_id text not null references wallets,
      holder text not null,
      incarnation text not null,
      scope_fields text[] not null,
      project_id text not null,
      user_id text not null,
      key_id text not null,
      model text not null,
      state text not null check (state in ('active', 'draining', 'closed')),
      is_told boolean not null,
      ceiling_nanos bigint,
      carved_nanos bigint not null,
      last_call bigint not null,
      last_answer text not null,
      opened_at_ms bigint not null,
      renewed_at_ms bigint not null,
      due_at_ms bigint
    ) with (fillfactor = 70)`.execute(db);
  await sql`create index leases_due on leases (due_at_ms) where state <> 'closed'`.execute(db);
  await sql`create index leases_of_holder on leases (holder) where state <> 'closed'`.execute(db);
  await sql`
    create index leases_open on leases (organisation_id) where state <> 'closed'`.execute(db);
  await sql`
    create index leases_over on leases (renewed_at_ms) where state = 'closed'`.execute(db);
}

async function budgets(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table budgets (
      id text primary key,
      organisation_id text not null references wallets,
      project_id text not null,
      user_id text not null,
      key_id text not null,
      model text not null,
      nanos bigint not null check (nanos >= 0),
      period text not null check (period in ('day', 'month', 'total')),
      version bigint not null,
      created_at_ms bigint not null,
      deleted_at_ms bigint
    )`.execute(db);
  await sql`
    create unique index one_budget_per_subject
    on budgets (organisation_id, project_id, user_id, key_id, model, period)
    where deleted_at_ms is null`.execute(db);
  await sql`
    create table budget_periods (
      budget_id text not null references budgets,
      period_key text not null,
      initial_nanos bigint not null check (initial_nanos >= 0),
      spent_nanos bigint not null check (spent_nanos >= initial_nanos),
      held_nanos bigint not null check (held_nanos >= 0),
      primary key (budget_id, period_key)
    ) with (fillfactor = 70)`.execute(db);
  await sql`
    create table lease_budgets (
      lease_id text not null references leases on delete cascade,
      budget_id text not null references budgets,
      period_key text not null,
      primary key (lease_id, budget_id)
    )`.execute(db);
}

async function settlements(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table settlements (
      request_id text not null,
      kind text not null check (kind in ('settlement', 'refund')),
      organisation_id text not null,
      project_id text not null,
      user_id text not null,
      key_id text not null,
      model text not null,
      upstream text not null,
      lease_id text not null,
      holder text not null,
      reserved_nanos bigint not null,
      asked_nanos bigint not null,
      charged_nanos bigint not null check (charged_nanos between 0 and asked_nanos),
      upstream_nanos bigint not null,
      input_tokens bigint not null,
      cached_input_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      outcome text not null,
      estimated boolean not null,
      price_id text not null,
      currency text not null,
      at_ms bigint not null,
      settled_at_ms bigint not null,
      primary key (request_id, kind)
    )`.execute(db);
  await sql`
    create index settlements_of_organisation on settlements (organisation_id, at_ms)`.execute(db);
  await sql`
    create trigger append_only before update or delete on settlements
    for each row execute function refuse_change()`.execute(db);
  await sql`
    create trigger never_emptied before truncate on settlements
    for each statement execute function refuse_change()`.execute(db);
  await sql`
    create table anomalies (
      id text primary key,
      organisation_id text not null,
      request_id text not null,
      kind text not null,
      holder text not null,
      asked_nanos bigint not null,
      charged_nanos bigint not null,
      at_ms bigint not null,
      detail text not null,
      unique (request_id, kind, asked_nanos)
    )`.execute(db);
  await sql`create index anomalies_of_organisation on anomalies (organisation_id, id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table anomalies, settlements, lease_budgets, budget_periods, budgets, leases, lots,
      wallets`.execute(db);
}
