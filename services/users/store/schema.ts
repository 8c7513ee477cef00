import { type Migrations, outboxMigration, sql } from "@tandem/libs/store";

/** Tables of the users database. */
export interface Schema {
  readonly organisations: {
    readonly id: string;
    readonly name: string;
    readonly created_at: Date;
    readonly version: bigint;
    readonly idempotency_key: string | null;
  };
  readonly users: {
    readonly id: string;
    /** In lower case; one person each. */
    readonly email: string;
    readonly name: string;
    readonly language: string;
    readonly theme: string;
    readonly time_zone: string;
    readonly created_at: Date;
    readonly version: bigint;
  };
  readonly memberships: {
    readonly organisation_id: string;
    readonly user_id: string;
    /** As invited; what a member may do today is the auth service's to say. */
    readonly role: string;
    readonly joined_at: Date;
    readonly removed_at: Date | null;
  };
  readonly projects: {
    readonly id: string;
    readonly organisation_id: string;
    readonly name: string;
    readonly created_at: Date;
    readonly archived_at: Date | null;
    readonly version: bigint;
    readonly idempotency_key: string | null;
  };
  readonly invitations: {
    readonly id: string;
    readonly organisation_id: string;
    readonly email: string;
    readonly role: string;
    readonly token_hash: Buffer;
    readonly created_at: Date;
    readonly expires_at: Date;
    readonly accepted_at: Date | null;
    readonly completed_at: Date | null;
    readonly revoked_at: Date | null;
    readonly user_id: string | null;
    readonly idempotency_key: string | null;
  };
}

const tables = sql`
  create table organisations (
    id text primary key,
    name text not null,
    created_at timestamptz not null,
    version bigint not null default 1,
    idempotency_key text unique
  );
  create table users (
    id text primary key,
    email text not null unique check (email = lower(email)),
    name text not null,
    language text not null,
    theme text not null,
    time_zone text not null,
    created_at timestamptz not null,
    version bigint not null default 1
  );
  create table memberships (
    organisation_id text not null references organisations,
    user_id text not null references users,
    role text not null,
    joined_at timestamptz not null,
    removed_at timestamptz,
    primary key (organisation_id, user_id)
  );
  create index memberships_of_user on memberships (user_id) where removed_at is null;
  create table projects (
    id text primary key,
    organisation_id text not null references organisations,
    name text not null,
    created_at timestamptz not null,
    archived_at timestamptz,
    version bigint not null default 1,
    idempotency_key text,
    unique (organisation_id, idempotency_key)
  );
  create table invitations (
    id text primary key,
    organisation_id text not null references organisations,
    email text not null,
    role text not null,
    token_hash bytea not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    completed_at timestamptz,
    revoked_at timestamptz,
    user_id text references users,
    idempotency_key text,
    unique (organisation_id, idempotency_key)
  );
  create index invitations_of_organisation on invitations (organisation_id, id desc)`;

export const migrations: Migrations = {
  "0001-outbox": outboxMigration,
  "0002-people-and-organisations": {
    async up(database) {
      await tables.execute(database);
    },
    async down(database) {
      await sql`drop table invitations, projects, memberships, users, organisations`.execute(
        database,
      );
    },
  },
};
