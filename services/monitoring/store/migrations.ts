import { type Migrations, sql } from "@tandem/libs/store";

export interface Schema {
  readonly request_records: {
    readonly request_id: string;
    readonly organisation_id: string;
    readonly project_id: string;
    readonly key_id: string;
    readonly at: Date;
    readonly record: Buffer;
  };
  readonly incidents: {
    readonly id: string;
    readonly alert: string;
    readonly subject: string;
    readonly severity: string;
    readonly reason: string;
    readonly opened_at: Date;
    readonly last_seen_at: Date;
    readonly closed_at: Date | null;
    readonly close_reason: string;
  };
}

export const migrations: Migrations = {
  "0001-request-records": {
    async up(database) {
      // A record is read whole, by its id or newest first within a tenant: the message is kept as
      // it came, and only what is searched by has a column.
      await sql`
        create table request_records (
          request_id text primary key,
          organisation_id text not null,
          project_id text not null,
          key_id text not null,
          at timestamptz not null,
          record bytea not null
        )`.execute(database);
      await sql`
        create index on request_records (organisation_id, request_id desc)`.execute(database);
      await sql`create index on request_records using brin (at)`.execute(database);
    },
    async down(database) {
      await sql`drop table request_records`.execute(database);
    },
  },
  "0002-incidents": {
    async up(database) {
      await sql`
        create table incidents (
          id text primary key,
          alert text not null,
          subject text not null,
          severity text not null,
          reason text not null,
          opened_at timestamptz not null,
          last_seen_at timestamptz not null,
          closed_at timestamptz,
          close_reason text not null default ''
        )`.execute(database);
      // Two replicas see the same thing: it is one incident, whoever tells it first.
      await sql`
        create unique index on incidents (alert, subject) where closed_at is null`.execute(
        database,
      );
      await sql`create index on incidents (alert, subject, opened_at desc)`.execute(database);
    },
    async down(database) {
      await sql`drop table incidents`.execute(database);
    },
  },
};
