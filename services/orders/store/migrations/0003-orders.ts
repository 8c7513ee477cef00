import { type Kysely, sql } from "@tandem/libs/store";

/**
 * Orders with their payments, credit and refunds. What must not happen twice is a key: an order for
 * an idempotency key, credit for an order, an event of a provider.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table orders (
      id text primary key,
      organisation_id text not null,
      product_id text not null,
      product_version bigint not null,
      kind text not null,
      name text not null,
      quantity integer not null check (quantity > 0),
      net_nanos bigint not null check (net_nanos > 0),
      tax_ppm integer not null,
      tax_nanos bigint not null check (tax_nanos >= 0),
      total_nanos bigint not null check (total_nanos = net_nanos + tax_nanos),
      currency text not null,
      credit_nanos bigint not null check (credit_nanos > 0),
      credit_currency text not null,
      exchange_rate text not null,
      valid_days integer not null,
      state text not null,
      dispute text not null default '' check (dispute in ('', 'open', 'won', 'lost')),
      reference text not null,
      note text not null,
      created_by text not null,
      created_at timestamptz not null,
      queued_at timestamptz,
      expires_at timestamptz not null,
      paid_at timestamptz,
      fulfilled_at timestamptz,
      ended_at timestamptz,
      refunded_nanos bigint not null default 0 check (refunded_nanos between 0 and total_nanos),
      credit_taken_back_nanos bigint not null default 0
        check (credit_taken_back_nanos between 0 and credit_nanos),
      version bigint not null default 1,
      idempotency_key text not null,
      unique (organisation_id, idempotency_key)
    ) with (fillfactor = 80)`.execute(db);
  await sql`
    create index orders_of_organisation on orders (organisation_id, id desc)`.execute(db);
  await sql`
    create index orders_waiting on orders (expires_at)
    where state in ('awaiting_payment', 'failed')`.execute(db);
  await sql`
    create index orders_paid on orders (organisation_id, paid_at)
    where paid_at is not null`.execute(db);
  await sql`create index orders_by_reference on orders (reference)`.execute(db);
  // An id that a client was told for an order that had another one already.
  await sql`
    create table order_aliases (
      id text primary key,
      order_id text not null references orders
    )`.execute(db);
  await sql`
    create table refused_orders (
      id text primary key,
      organisation_id text not null,
      product_id text not null,
      quantity integer not null,
      reason text not null,
      message text not null,
      created_by text not null,
      queued_at timestamptz not null,
      refused_at timestamptz not null,
      idempotency_key text not null
    )`.execute(db);
  await payments(db);
  await refunds(db);
}

async function payments(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table payments (
      id text primary key,
      order_id text not null references orders,
      organisation_id text not null,
      provider text not null,
      state text not null,
      amount_nanos bigint not null check (amount_nanos > 0),
      currency text not null,
      provider_reference text not null default '',
      checkout_kind text not null default '',
      checkout_url text not null default '',
      checkout_text text not null default '',
      confirmed_by text not null default '',
      approved_by text not null default '',
      received_at timestamptz,
      note text not null default '',
      created_at timestamptz not null,
      checked_at timestamptz not null
    ) with (fillfactor = 80)`.execute(db);
  await sql`create index payments_of_order on payments (order_id, id desc)`.execute(db);
  await sql`
    create index payments_of_organisation on payments (organisation_id, id desc)`.execute(db);
  await sql`
    create unique index one_payment_per_reference on payments (provider, provider_reference)
    where provider_reference <> ''`.execute(db);
  // Of the attempts at one order only one can be under way.
  await sql`
    create unique index one_open_payment on payments (order_id)
    where state in ('preparing', 'pending', 'awaiting_approval', 'succeeded')`.execute(db);
  await sql`
    create index payments_unfinished on payments (checked_at)
    where state in ('preparing', 'pending')`.execute(db);
  await sql`
    create table payment_events (
      provider text not null,
      event_id text not null,
      payment_id text not null,
      outcome text not null,
      received_at timestamptz not null,
      primary key (provider, event_id)
    )`.execute(db);
}

async function refunds(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table credits (
      order_id text primary key references orders,
      event_id text not null unique,
      organisation_id text not null,
      nanos bigint not null check (nanos > 0),
      currency text not null,
      expires_at timestamptz,
      created_at timestamptz not null,
      acknowledged_at timestamptz,
      refusal text not null default ''
    )`.execute(db);
  await sql`
    create table refunds (
      id text primary key,
      order_id text not null references orders,
      payment_id text not null references payments,
      organisation_id text not null,
      origin text not null check (origin in ('refund', 'dispute', 'provider')),
      amount_nanos bigint not null check (amount_nanos > 0),
      credit_nanos bigint not null check (credit_nanos >= 0),
      state text not null,
      reason text not null,
      detail text not null default '',
      requested_by text not null,
      provider_reference text not null default '',
      created_at timestamptz not null,
      ended_at timestamptz,
      idempotency_key text not null,
      unique (organisation_id, idempotency_key)
    )`.execute(db);
  await sql`create index refunds_of_order on refunds (order_id, id)`.execute(db);
  await sql`
    create table discrepancies (
      kind text not null,
      provider text not null,
      reference text not null,
      organisation_id text not null,
      order_id text not null,
      amount_nanos bigint not null,
      currency text not null,
      found_at timestamptz not null,
      primary key (kind, provider, reference)
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table discrepancies, refunds, credits, payment_events, payments, refused_orders,
      order_aliases, orders`.execute(db);
}
