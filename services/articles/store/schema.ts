import { type Generated, type Migrations, outboxMigration, sql } from "@tandem/libs/store";

/** Tables of the articles database. */
export interface Schema {
  readonly articles: {
    readonly id: string;
    readonly organisation_id: string;
    readonly tags: readonly string[];
    readonly project_ids: readonly string[];
    readonly latest_version: number;
    /** 0: none. */
    readonly published_version: number;
    readonly version: bigint;
    readonly source_path: string | null;
    readonly created_at: Date;
    readonly updated_at: Date;
    readonly published_at: Date | null;
    readonly idempotency_key: string | null;
  };
  readonly article_versions: {
    readonly article_id: string;
    readonly number: number;
    readonly title: string;
    readonly language: string;
    readonly body: string;
    readonly created_at: Date;
    readonly author: string;
  };
  readonly attachments: {
    readonly id: string;
    readonly organisation_id: string;
    readonly article_id: string;
    readonly name: string;
    readonly media_type: string;
    readonly content: string;
    readonly created_at: Date;
  };
  readonly chunks: {
    readonly id: string;
    readonly organisation_id: string;
    readonly article_id: string;
    readonly attachment_id: string | null;
    readonly article_version: number;
    readonly position: number;
    readonly title: string;
    readonly headings: readonly string[];
    readonly text: string;
    readonly language: string;
    /** PostgreSQL's text search configuration that took its words apart. */
    readonly configuration: string;
    /** Its words, and one that names the organisation, so that the index is each tenant's own. */
    readonly words: unknown;
    /** Terms to be found to the letter, and one that names the organisation. */
    readonly exact_terms: readonly string[];
    /** Packed; null while it waits, and for what no encoder takes. */
    readonly vector: Buffer | null;
    /** Which encoder had its turn; empty while none has. */
    readonly encoder: Generated<string>;
    readonly claimed_until: Generated<Date | null>;
  };
  /** One row an organisation; its version rises with everything that search can see. */
  readonly libraries: {
    readonly organisation_id: string;
    readonly version: bigint;
  };
  readonly rules: {
    readonly organisation_id: string;
    readonly project_id: string;
    readonly passages: number;
    readonly models: readonly string[];
    readonly version: bigint;
  };
  /** One row: the version of all rules together. */
  readonly rule_snapshot: {
    readonly version: bigint;
  };
}

const articleTables = sql`
  create table articles (
    id text primary key,
    organisation_id text not null,
    tags text[] not null,
    project_ids text[] not null,
    latest_version integer not null,
    published_version integer not null,
    version bigint not null default 1,
    source_path text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz,
    idempotency_key text,
    unique (organisation_id, idempotency_key),
    unique (organisation_id, source_path)
  );
  create index articles_of_organisation on articles (organisation_id, id desc);
  create table article_versions (
    article_id text not null references articles on delete cascade,
    number integer not null,
    title text not null,
    language text not null,
    body text not null,
    created_at timestamptz not null,
    author text not null,
    primary key (article_id, number)
  );
  create table attachments (
    id text primary key,
    organisation_id text not null,
    article_id text not null references articles on delete cascade,
    name text not null,
    media_type text not null,
    content text not null,
    created_at timestamptz not null,
    unique (article_id, name)
  )`;

const chunkTables = sql`
  create table chunks (
    id text primary key,
    organisation_id text not null,
    article_id text not null references articles on delete cascade,
    attachment_id text references attachments on delete cascade,
    article_version integer not null,
    position integer not null,
    title text not null,
    headings text[] not null,
    text text not null,
    language text not null,
    configuration text not null,
    words tsvector not null,
    exact_terms text[] not null,
    vector bytea,
    encoder text not null default '',
    claimed_until timestamptz
  );
  create index chunks_of_organisation on chunks (organisation_id, configuration);
  create index chunks_of_article on chunks (article_id);
  create index chunks_of_attachment on chunks (attachment_id);
  create index chunks_by_words on chunks using gin (words);
  create index chunks_by_exact_term on chunks using gin (exact_terms);
  create index chunks_waiting on chunks (id) where encoder = '';
  create table libraries (
    organisation_id text primary key,
    version bigint not null
  )`;

const ruleTables = sql`
  create table rules (
    organisation_id text not null,
    project_id text not null,
    passages integer not null,
    models text[] not null,
    version bigint not null default 1,
    primary key (organisation_id, project_id)
  );
  create table rule_snapshot (
    version bigint not null,
    singleton boolean primary key default true check (singleton)
  );
  insert into rule_snapshot (version) values (1)`;

export const migrations: Migrations = {
  "0001-outbox": outboxMigration,
  "0002-articles": {
    async up(database) {
      await articleTables.execute(database);
    },
    async down(database) {
      await sql`drop table attachments, article_versions, articles`.execute(database);
    },
  },
  "0003-chunks": {
    async up(database) {
      await chunkTables.execute(database);
    },
    async down(database) {
      await sql`drop table chunks, libraries`.execute(database);
    },
  },
  "0004-rules": {
    async up(database) {
      await ruleTables.execute(database);
    },
    async down(database) {
      await sql`drop table rules, rule_snapshot`.execute(database);
    },
  },
};
