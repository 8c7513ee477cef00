import { type Kysely, sql } from "@tandem/libs/store";

/**
 * Plans and credit packs. A version, once written, never changes: an order's price can be explained
 * from it for ever.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table products (
      id text primary key,
      organisation_id text not null,
      kind text not null check (kind in ('pack', 'plan')),
      version bigint not null,
      created_at timestamptz not null,
      archived_at timestamptz,
      idempotency_key text,
      unique (organisation_id, idempotency_key)
    )`.execute(db);
  await sql`
    create table product_versions (
      product_id text not null references products,
      version bigint not null,
      name text not null,
      description text not null,
      price_nanos bigint not null check (price_nanos >= 0),
      currency text not null,
      tax_ppm integer not null check (tax_ppm between 0 and 1000000),
      credit_nanos bigint not null check (credit_nanos > 0),
      credit_currency text not null,
      valid_days integer not null check (valid_days >= 0),
      created_at timestamptz not null,
      primary key (product_id, version)
    )`.execute(db);
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'rows of % are never changed or deleted', tg_table_name
        using errcode = 'restrict_violation';
    end $$`.execute(db);
  await sql`
    create trigger append_only before update or delete on product_versions
    for each row execute function refuse_change()`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table product_versions, products`.execute(db);
  await sql`drop function refuse_change`.execute(db);
}
