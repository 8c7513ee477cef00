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
};
