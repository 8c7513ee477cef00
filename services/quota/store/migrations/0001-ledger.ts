import type { Kysely } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/**
 * The double-entry ledger. What keeps it right is in the database itself, so that no version of the
 * service, and nobody at a console, can get around it:
 *
 * - a transfer moves the balances of its two accounts in the statement that inserts it;
 * - no wallet and no hold can go below zero;
 * - transfers are never changed nor deleted.
 *
 * `day`, `stripe` and `position` are a transfer's place in its hash chain.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table accounts (
      id text primary key,
      organisation_id text not null,
      kind text not null,
      currency text not null,
      balance bigint not null default 0,
      may_be_negative boolean not null,
      constraint balance_not_negative check (may_be_negative or balance >= 0)
    ) with (fillfactor = 70)`.execute(db);
  await sql`
    create index accounts_of_organisation on accounts (organisation_id, kind)
    where organisation_id <> ''`.execute(db);
  await sql`
    create table chain_heads (
      day text not null,
      stripe smallint not null,
      position bigint not null,
      hash bytea not null,
      primary key (day, stripe)
    ) with (fillfactor = 70)`.execute(db);
  await sql`
    create table transfers (
      day text not null,
      stripe smallint not null,
      position bigint not null,
      id text not null,
      organisation_id text not null,
      debit_account text not null,
      credit_account text not null,
      nanos bigint not null check (nanos > 0),
      kind text not null,
      reference text not null,
      note text not null,
      lots text not null,
      budgets text not null,
      at_ms bigint not null,
      hash bytea not null,
      primary key (day, stripe, position),
      check (debit_account <> credit_account)
    )`.execute(db);
  // For statements, which show no moves between a wallet and its own holds.
  await sql`
    create index transfers_of_organisation on transfers (organisation_id, id)
    where kind not in ('lease', 'release')`.execute(db);
  await applyOnInsert(db);
  await refuseChanges(db);
}

async function applyOnInsert(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function apply_transfers() returns trigger language plpgsql as $$
    declare
      wanted bigint;
      touched bigint;
    begin
      with legs as (
        select debit_account as account, -nanos as delta from added
        union all
        select credit_account, nanos from added
      ), sums as (
        select account, sum(delta)::bigint as delta from legs group by account
      ), moved as (
        update accounts set balance = accounts.balance + sums.delta
        from sums where accounts.id = sums.account
        returning 1
      )
      select (select count(*) from sums), (select count(*) from moved) into wanted, touched;
      if wanted <> touched then
        raise exception 'a transfer names an account that does not exist'
          using errcode = 'foreign_key_violation';
      end if;
      return null;
    end $$`.execute(db);
  await sql`
    create trigger apply_transfers after insert on transfers
    referencing new table as added
    for each statement execute function apply_transfers()`.execute(db);
}

async function refuseChanges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'rows of % are never changed or deleted', tg_table_name
        using errcode = 'restrict_violation';
    end $$`.execute(db);
  await sql`
    create trigger append_only before update or delete on transfers
    for each row execute function refuse_change()`.execute(db);
  await sql`
    create trigger never_emptied before truncate on transfers
    for each statement execute function refuse_change()`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table transfers, chain_heads, accounts`.execute(db);
  await sql`drop function apply_transfers, refuse_change`.execute(db);
}
