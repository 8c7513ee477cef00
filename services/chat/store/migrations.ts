import { type ColumnType, type Generated, type Migrations, sql } from "@tandem/libs/store";

export interface Schema {
  readonly conversations: {
    readonly id: string;
    readonly organisation_id: string;
    readonly project_id: string;
    readonly owner_id: string;
    readonly title: string;
    readonly model: string;
    readonly created_at: Generated<Date>;
    readonly updated_at: Generated<Date>;
    readonly message_count: ColumnType<number, number | undefined, number>;
  };
  readonly messages: {
    readonly id: string;
    readonly conversation_id: string;
    readonly position: number;
    readonly request_id: string;
    readonly json: string;
    readonly tokens: number;
    readonly at: Generated<Date>;
  };
}

export const migrations: Migrations = {
  "0001-conversations": {
    async up(database) {
      await sql`
        create table conversations (
          id text primary key,
          organisation_id text not null,
          project_id text not null,
          owner_id text not null,
          title text not null,
          model text not null,
          created_at timestamptz not null default now(),
          updated_at timestamptz not null default now(),
          message_count integer not null default 0
        )`.execute(database);
      await sql`
        create index on conversations (organisation_id, id desc)`.execute(database);
      await sql`
        create table messages (
          id text primary key,
          conversation_id text not null references conversations on delete cascade,
          position integer not null,
          request_id text not null,
          json text not null,
          tokens integer not null,
          at timestamptz not null default now(),
          unique (conversation_id, position)
        )`.execute(database);
      await sql`create index on messages (conversation_id, request_id)`.execute(database);
    },
    async down(database) {
      await sql`drop table messages`.execute(database);
      await sql`drop table conversations`.execute(database);
    },
  },
};
