import type { ColumnType } from "@tandem/libs/store";
import { type Migrations, sql } from "@tandem/libs/store";
import type { HealthState } from "../core/health.ts";

type JsonList = ColumnType<readonly string[], string, string>;

export interface Schema {
  readonly upstreams: {
    readonly name: string;
    readonly profile: string;
    readonly base_url: string;
    readonly api_key: Buffer | null;
    readonly role: "primary" | "standby";
    readonly first_token_timeout_ms: number;
    readonly idle_timeout_ms: number;
    readonly total_timeout_ms: number;
    readonly max_concurrency: number;
    readonly discover: boolean;
    readonly enabled: boolean;
    readonly models: JsonList;
    readonly version: bigint;
  };
  readonly findings: {
    readonly upstream: string;
    readonly state: HealthState;
    readonly reason: string;
    readonly since_ms: bigint;
    readonly models: JsonList;
    readonly queue_length: number;
    readonly kv_cache_ratio: number;
  };
}

export const migrations: Migrations = {
  "0001-upstreams": {
    async up(database) {
      await sql`
        create table upstreams (
          name text primary key,
          profile text not null,
          base_url text not null,
          api_key bytea,
          role text not null,
          first_token_timeout_ms integer not null,
          idle_timeout_ms integer not null,
          total_timeout_ms integer not null,
          max_concurrency integer not null,
          discover boolean not null,
          enabled boolean not null,
          models jsonb not null,
          version bigint not null
        )`.execute(database);
      await sql`
        create table findings (
          upstream text primary key,
          state text not null,
          reason text not null,
          since_ms bigint not null,
          models jsonb not null,
          queue_length integer not null,
          kv_cache_ratio double precision not null
        )`.execute(database);
      await sql`create table snapshot (version bigint not null)`.execute(database);
      await sql`insert into snapshot values (1)`.execute(database);
      await sql`
        create table lookout (holder text not null, held_until timestamptz not null)
        `.execute(database);
      await sql`insert into lookout values ('', '-infinity')`.execute(database);
      // What holders want is forgotten within seconds, so it need not survive a crash.
      await sql`
        create unlogged table demands (
          upstream text not null,
          holder text not null,
          wanted integer not null,
          valid_until timestamptz not null,
          primary key (upstream, holder)
        )`.execute(database);
    },
    async down(database) {
      for (const table of ["demands", "lookout", "snapshot", "findings", "upstreams"]) {
        await sql`drop table ${sql.table(table)}`.execute(database);
      }
    },
  },
};
