import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * The tables of events that leave a service and of those it has received. A service includes this
 * in its migrations under a name of its own: `"0001-outbox": outboxMigration`.
 *
 * The outbox holds what is not delivered yet, so it stays small; delivered rows are deleted.
 */
export const outboxMigration: Migration = {
  async up(db) {
    await sql`
      create table outbox (
        sequence bigint generated always as identity primary key,
        event_id text not null unique,
        topic text not null,
        payload bytea not null,
        created_at timestamptz not null default now(),
        attempts integer not null default 0,
        next_attempt_at timestamptz not null default now(),
        parked_at timestamptz,
        last_error text
      )`.execute(db);
    await sql`
      create index outbox_due on outbox (next_attempt_at, sequence) where parked_at is null
    `.execute(db);
    await sql`create index outbox_parked on outbox (sequence) where parked_at is not null`.execute(
      db,
    );
    await sql`
      create table inbox (
        consumer text not null,
        event_id text not null,
        received_at timestamptz not null default now(),
        primary key (consumer, event_id)
      )`.execute(db);
    await sql`create index inbox_age on inbox (received_at)`.execute(db);
  },
  async down(db) {
    await sql`drop table inbox`.execute(db);
    await sql`drop table outbox`.execute(db);
  },
};
