import { type ColumnType, type Migrations, sql } from "@tandem/libs/store";

type JsonOf<Value> = ColumnType<Value, string, string>;

/** Entries are read whole and merged in memory, so each is one JSON document under its name. */
export interface Schema {
  readonly models: {
    readonly id: string;
    readonly entry: JsonOf<unknown>;
    readonly version: bigint;
  };
  readonly prices: {
    readonly id: string;
    readonly model: string;
    readonly currency: string;
    readonly input_nanos: bigint;
    readonly cached_input_nanos: bigint;
    readonly output_nanos: bigint;
    readonly upstream_input_nanos: bigint;
    readonly upstream_cached_input_nanos: bigint;
    readonly upstream_output_nanos: bigint;
    readonly valid_from_ms: bigint;
    readonly valid_until_ms: bigint;
  };
  readonly aliases: { readonly name: string; readonly model: string };
  readonly rules: { readonly id: string; readonly entry: JsonOf<unknown> };
  readonly declarations: { readonly replica: string; readonly digest: string };
  readonly discoveries: {
    readonly upstream: string;
    readonly name: string;
    readonly context_tokens: number;
    readonly capabilities: JsonOf<readonly string[]>;
    readonly is_local: boolean;
    readonly is_gone: boolean;
    readonly position: number;
  };
}

export const migrations: Migrations = {
  "0001-catalogue": {
    async up(database) {
      await sql`
        create table models (id text primary key, entry jsonb not null, version bigint not null)
        `.execute(database);
      // Usage keeps the price it was charged at, so a price is closed, never changed or deleted.
      await sql`
        create table prices (
          id text primary key,
          model text not null,
          currency text not null,
          input_nanos bigint not null check (input_nanos >= 0),
          cached_input_nanos bigint not null check (cached_input_nanos >= 0),
          output_nanos bigint not null check (output_nanos >= 0),
          upstream_input_nanos bigint not null,
          upstream_cached_input_nanos bigint not null,
          upstream_output_nanos bigint not null,
          valid_from_ms bigint not null,
          valid_until_ms bigint not null
        )`.execute(database);
      await sql`create index on prices (model, valid_from_ms)`.execute(database);
      await sql`create table aliases (name text primary key, model text not null)`.execute(
        database,
      );
      await sql`create table rules (id text primary key, entry jsonb not null)`.execute(database);
      await sql`
        create table discoveries (
          upstream text not null,
          name text not null,
          context_tokens integer not null,
          capabilities jsonb not null,
          is_local boolean not null,
          is_gone boolean not null,
          position integer not null,
          primary key (upstream, name)
        )`.execute(database);
      await sql`create table snapshot (version bigint not null)`.execute(database);
      await sql`insert into snapshot values (1)`.execute(database);
    },
    async down(database) {
      const tables = ["snapshot", "discoveries", "rules", "aliases", "prices", "models"];
      for (const table of tables) await sql`drop table ${sql.table(table)}`.execute(database);
    },
  },
  "0002-declarations": {
    async up(database) {
      await sql`
        create table declarations (replica text primary key, digest text not null)`.execute(
        database,
      );
    },
    async down(database) {
      await sql`drop table declarations`.execute(database);
    },
  },
};
