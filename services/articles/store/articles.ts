/** Articles and their versions. Everything is asked within one organisation. */
import {
  type Database,
  type Executor,
  type Selectable,
  sql,
  type Transaction,
} from "@tandem/libs/store";
import type { Schema } from "./schema.ts";

export type ArticleRow = Selectable<Schema["articles"]>;
export type VersionRow = Selectable<Schema["article_versions"]>;

/** An article with one of its versions, and how far its passages are. */
export interface ShownArticle extends ArticleRow {
  readonly title: string;
  readonly language: string;
  readonly body: string;
  readonly shown_version: number;
  readonly chunks: number;
  readonly embedded_chunks: number;
}

/** Which version is shown: the newest, or the one that readers see. */
export type Shown = "latest" | "published";

function selectShown(shown: Shown, withBody: boolean) {
  const number =
    shown === "latest" ? sql`articles.latest_version` : sql`articles.published_version`;
  return sql`
    select articles.*, shown.title, shown.language, shown.number as shown_version,
      ${withBody ? sql`shown.body` : sql`''`} as body,
      progress.chunks, progress.embedded_chunks
    from articles
    join article_versions shown on shown.article_id = articles.id and shown.number = ${number}
    cross join lateral (
      select count(*)::integer as chunks,
        (count(*) filter (where encoder <> ''))::integer as embedded_chunks
      from chunks where chunks.article_id = articles.id) progress`;
}

export async function findArticle(
  executor: Executor,
  place: { readonly organisationId: string; readonly id: string },
  shown: Shown,
): Promise<ShownArticle | undefined> {
  const { rows } = await sql<ShownArticle>`
    ${selectShown(shown, true)}
    where articles.id = ${place.id} and articles.organisation_id = ${place.organisationId}`.execute(
    executor,
  );
  return rows[0];
}

export interface ArticleQuery {
  readonly organisationId: string;
  /** Undefined for those who see everything. */
  readonly readerProjectId: string | undefined;
  readonly state: string;
  readonly language: string;
  readonly tag: string;
  readonly projectId: string;
  readonly after: string;
  readonly limit: number;
}

const states: Readonly<Record<string, ReturnType<typeof sql>>> = {
  draft: sql`articles.published_version = 0`,
  published: sql`articles.published_version = articles.latest_version`,
  changed: sql`articles.published_version between 1 and articles.latest_version - 1`,
};

/** Newest first, one more than asked for where there is more; without bodies. */
export async function listArticles(
  database: Database<Schema>,
  query: ArticleQuery,
): Promise<readonly ShownArticle[]> {
  const { organisationId, readerProjectId, state, language, tag, projectId, after } = query;
  const isReader = readerProjectId !== undefined;
  const conditions = [sql`articles.organisation_id = ${organisationId}`];
  if (isReader) {
    conditions.push(sql`articles.published_version > 0 and (
      cardinality(articles.project_ids) = 0 or ${readerProjectId} = any(articles.project_ids))`);
  }
  const ofState = Object.hasOwn(states, state) ? states[state] : undefined;
  if (ofState !== undefined) conditions.push(ofState);
  if (language !== "") conditions.push(sql`shown.language = ${language}`);
  if (tag !== "") conditions.push(sql`${tag} = any(articles.tags)`);
  if (projectId !== "") conditions.push(sql`${projectId} = any(articles.project_ids)`);
  if (after !== "") conditions.push(sql`articles.id < ${after}`);
  const { rows } = await sql<ShownArticle>`
    ${selectShown(isReader ? "published" : "latest", false)}
    where ${sql.join(conditions, sql` and `)}
    order by articles.id desc limit ${query.limit + 1}`.execute(database);
  return rows;
}

/** Locks the article until the end of the transaction. */
export function lockArticle(
  tx: Transaction<Schema>,
  place: { readonly organisationId: string; readonly id: string },
): Promise<ArticleRow | undefined> {
  return tx
    .selectFrom("articles")
    .selectAll()
    .where("id", "=", place.id)
    .where("organisation_id", "=", place.organisationId)
    .forUpdate()
    .executeTakeFirst();
}

export async function updateArticleRow(
  tx: Transaction<Schema>,
  id: string,
  changes: Partial<Omit<ArticleRow, "id" | "organisation_id">>,
): Promise<void> {
  await tx.updateTable("articles").set(changes).where("id", "=", id).execute();
}

export async function insertVersion(tx: Transaction<Schema>, version: VersionRow): Promise<void> {
  await tx.insertInto("article_versions").values(version).execute();
}

export function findVersion(
  executor: Database<Schema> | Transaction<Schema>,
  articleId: string,
  number: number,
): Promise<VersionRow | undefined> {
  return executor
    .selectFrom("article_versions")
    .selectAll()
    .where("article_id", "=", articleId)
    .where("number", "=", number)
    .executeTakeFirst();
}

/** Newest first, one more than asked for where there is more; without bodies. */
export function listVersions(
  database: Database<Schema>,
  query: { readonly articleId: string; readonly before: number; readonly limit: number },
): Promise<readonly Omit<VersionRow, "body">[]> {
  let rows = database
    .selectFrom("article_versions")
    .select(["article_id", "number", "title", "language", "created_at", "author"])
    .where("article_id", "=", query.articleId)
    .orderBy("number", "desc")
    .limit(query.limit + 1);
  if (query.before > 0) rows = rows.where("number", "<", query.before);
  return rows.execute();
}

export async function countArticles(executor: Executor, organisationId: string): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from articles
    where organisation_id = ${organisationId}`.execute(executor);
  return Number(rows[0]?.count ?? 0n);
}
