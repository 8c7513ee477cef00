import { type Generated, type Migrations, sql } from "@tandem/libs/store";

/** Tables of the auth database. Times are timestamptz; `int8` columns are bigint. */
export interface Schema {
  readonly keys: KeyTable;
  readonly key_secrets: SecretTable;
  readonly role_grants: GrantTable;
  readonly credentials: CredentialTable;
  readonly sessions: SessionTable;
  readonly links: LinkTable;
  readonly used_states: UsedStateTable;
  readonly sign_in_attempts: AttemptTable;
  readonly setup: SetupTable;
  readonly setup_tokens: SetupTokenTable;
  readonly revocations: RevocationTable;
  readonly revocation_head: { readonly sequence: bigint };
  readonly audit_entries: AuditTable;
  readonly audit_head: { readonly sequence: bigint; readonly hash: Buffer };
}

interface KeyTable {
  readonly id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly allowed_models: readonly string[];
  readonly allowed_endpoints: readonly string[];
  readonly allowed_addresses: readonly string[];
  /** How much its requests matter at most: sheddable, default, critical. */
  readonly priority: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
  readonly version: bigint;
  readonly idempotency_key: string | null;
}

interface SecretTable {
  readonly hash: Buffer;
  readonly key_id: string;
  readonly display: string;
  readonly created_at: Date;
  /** Set on the older of two when a key is rotated. */
  readonly expires_at: Date | null;
  readonly first_used_at: Date | null;
  readonly idempotency_key: string | null;
}

interface GrantTable {
  readonly organisation_id: string;
  readonly user_id: string;
  readonly role: string;
  readonly granted_at: Date;
}

interface CredentialTable {
  readonly user_id: string;
  readonly password_hash: string;
  readonly changed_at: Date;
}

interface SessionTable {
  readonly id: string;
  readonly token_hash: Buffer;
  readonly user_id: string;
  readonly organisation_id: string;
  readonly created_at: Date;
  readonly seen_at: Date;
  readonly ended_at: Date | null;
  /** `password`, or the name of a provider. */
  readonly method: string;
  /** Of the browser that signed in. */
  readonly remote_address: string;
}

/** Identities at providers, by which people get in. */
interface LinkTable {
  readonly issuer: string;
  readonly subject: string;
  readonly user_id: string;
  readonly provider: string;
  readonly email: string;
  readonly linked_at: Date;
  readonly used_at: Date;
}

interface UsedStateTable {
  readonly hash: Buffer;
  readonly expires_at: Date;
}

interface AttemptTable {
  readonly subject: Buffer;
  readonly attempts: number;
  readonly last_at: Date;
  readonly blocked_until: Date;
}

interface SetupTable {
  readonly id: number;
  readonly email: string;
  readonly organisation_name: string;
  readonly organisation_id: string | null;
  readonly project_id: string | null;
  readonly user_id: string | null;
  readonly admin_key_id: string | null;
  readonly inference_key_id: string | null;
  readonly started_at: Date;
  readonly completed_at: Date | null;
}

interface SetupTokenTable {
  readonly hash: Buffer;
  readonly expires_at: Date | null;
}

interface RevocationTable {
  readonly sequence: bigint;
  readonly key_id: string;
  readonly session_id: string;
  readonly at: Generated<Date>;
}

interface AuditTable {
  readonly sequence: bigint;
  readonly at: Date;
  readonly organisation_id: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly before_json: string;
  readonly after_json: string;
  readonly request_id: string;
  readonly hash: Buffer;
  readonly event_id: string | null;
}

const keysAndRoles = sql`
  create table keys (
    id text primary key,
    organisation_id text not null,
    project_id text not null,
    user_id text not null,
    name text not null,
    scopes text[] not null,
    allowed_models text[] not null,
    allowed_endpoints text[] not null,
    allowed_addresses text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    version bigint not null default 1,
    idempotency_key text,
    unique (organisation_id, idempotency_key)
  );
  create index keys_of_user on keys (organisation_id, user_id);
  create table key_secrets (
    hash bytea primary key,
    key_id text not null references keys,
    display text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    first_used_at timestamptz,
    idempotency_key text
  );
  create index key_secrets_of_key on key_secrets (key_id);
  create table role_grants (
    organisation_id text not null,
    user_id text not null,
    role text not null,
    granted_at timestamptz not null,
    primary key (organisation_id, user_id, role)
  );
  create index role_grants_of_user on role_grants (user_id)`;

const peopleAndSetup = sql`
  create table credentials (
    user_id text primary key,
    password_hash text not null,
    changed_at timestamptz not null
  );
  create table sessions (
    id text primary key,
    token_hash bytea not null unique,
    user_id text not null,
    organisation_id text not null,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    ended_at timestamptz
  );
  create index sessions_of_user on sessions (user_id) where ended_at is null;
  create index sessions_by_age on sessions (seen_at);
  create table sign_in_attempts (
    subject bytea primary key,
    attempts integer not null,
    last_at timestamptz not null,
    blocked_until timestamptz not null
  );
  create table setup (
    id integer primary key check (id = 1),
    email text not null,
    organisation_name text not null,
    organisation_id text,
    project_id text,
    user_id text,
    admin_key_id text,
    inference_key_id text,
    started_at timestamptz not null,
    completed_at timestamptz
  );
  create table setup_tokens (
    hash bytea primary key,
    expires_at timestamptz
  )`;

/** Heads are rows, not sequences: numbers are given in the order of commits, without gaps. */
const revocationsAndAudit = sql`
  create table revocations (
    sequence bigint primary key,
    key_id text not null,
    session_id text not null,
    at timestamptz not null default now()
  );
  create table revocation_head (
    id integer primary key default 1 check (id = 1),
    sequence bigint not null
  );
  insert into revocation_head (sequence) values (0);
  create table audit_entries (
    sequence bigint primary key,
    at timestamptz not null,
    organisation_id text not null,
    actor text not null,
    action text not null,
    target text not null,
    before_json text not null,
    after_json text not null,
    request_id text not null,
    hash bytea not null,
    event_id text unique
  );
  create index audit_of_organisation on audit_entries (organisation_id, sequence desc);
  create table audit_head (
    id integer primary key default 1 check (id = 1),
    sequence bigint not null,
    hash bytea not null
  );
  insert into audit_head (sequence, hash) values (0, '');
  create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
    end $$;
  create trigger audit_is_append_only before update or delete on audit_entries
    for each row execute function refuse_change();
  create trigger audit_is_never_emptied before truncate on audit_entries
    for each statement execute function refuse_change()`;

export const migrations: Migrations = {
  "0001-keys-and-roles": {
    async up(database) {
      await keysAndRoles.execute(database);
    },
    async down(database) {
      await sql`drop table role_grants, key_secrets, keys`.execute(database);
    },
  },
  "0002-people-and-setup": {
    async up(database) {
      await peopleAndSetup.execute(database);
    },
    async down(database) {
      await sql`drop table setup_tokens, setup, sign_in_attempts, sessions, credentials`.execute(
        database,
      );
    },
  },
  "0003-revocations-and-audit": {
    async up(database) {
      await revocationsAndAudit.execute(database);
    },
    async down(database) {
      await sql`
        drop table audit_head, audit_entries, revocation_head, revocations;
        drop function refuse_change()`.execute(database);
    },
  },
  // Until now every owner had what is the platform's: from here on only who set it up has it.
  "0004-platform-roles": {
    async up(database) {
      await sql`
        insert into role_grants (organisation_id, user_id, role, granted_at)
        select organisation_id, user_id, 'platform:owner', now() from setup
        where user_id is not null and organisation_id is not null
        on conflict do nothing`.execute(database);
      await sql`
        update keys set scopes = array_append(scopes, 'platform')
        where id in (select admin_key_id from setup) and not 'platform' = any (scopes)
      `.execute(database);
    },
    async down(database) {
      await sql`delete from role_grants where role like 'platform:%'`.execute(database);
      await sql`update keys set scopes = array_remove(scopes, 'platform')`.execute(database);
    },
  },
  "0005-links-to-providers": {
    async up(database) {
      await sql`
        create table links (
          issuer text not null,
          subject text not null,
          user_id text not null,
          provider text not null,
          email text not null,
          linked_at timestamptz not null,
          used_at timestamptz not null,
          primary key (issuer, subject)
        );
        create index links_of_user on links (user_id);
        create table used_states (
          hash bytea primary key,
          expires_at timestamptz not null
        );
        alter table sessions
          add method text not null default 'password',
          add remote_address text not null default ''`.execute(database);
    },
    async down(database) {
      await sql`
        alter table sessions drop method, drop remote_address;
        drop table used_states, links`.execute(database);
    },
  },
  "0006-audit-of-people": {
    async up(database) {
      await sql`
        create index audit_of_actor on audit_entries (split_part(actor, '/', 1));
        create index audit_of_target on audit_entries (target)`.execute(database);
    },
    async down(database) {
      await sql`drop index audit_of_actor, audit_of_target`.execute(database);
    },
  },
  "0007-priority-of-keys": {
    async up(database) {
      await sql`alter table keys add priority text not null default 'default'`.execute(database);
    },
    async down(database) {
      await sql`alter table keys drop priority`.execute(database);
    },
  },
};
