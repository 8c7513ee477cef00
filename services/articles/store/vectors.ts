/** Vectors of passages as they are stored, and those that still want one. */
import { type Database, type Executor, sql, transaction } from "@tandem/libs/store";
import type { Reader } from "../core/visibility.ts";
import { touchLibrary } from "./library.ts";
import { readable } from "./readable.ts";
import type { Schema } from "./schema.ts";

export interface VectorPlace {
  readonly id: string;
  readonly articleId: string;
  readonly language: string;
}

/** Every passage of an organisation that has a vector of this encoder; ids only. */
export async function listVectors(
  executor: Executor,
  organisationId: string,
  encoder: string,
): Promise<readonly VectorPlace[]> {
  const { rows } = await sql<VectorPlace>`
    select id, article_id as "articleId", language from chunks
    where organisation_id = ${organisationId} and encoder = ${encoder}
      and vector is not null`.execute(executor);
  return rows;
}

export async function readVectors(
  executor: Executor,
  organisationId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await sql<{ id: string; vector: Buffer }>`
    select id, vector from chunks
    where organisation_id = ${organisationId} and id = any(${ids}::text[])
      and vector is not null`.execute(executor);
  return new Map(rows.map(({ id, vector }) => [id, vector]));
}

/** Who may read which published article: what vectors in memory are filtered by. */
export async function readRestrictions(
  executor: Executor,
  organisationId: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ id: string; projectIds: string[] }>`
    select id, project_ids as "projectIds" from articles
    where organisation_id = ${organisationId} and published_version > 0`.execute(executor);
  return new Map(rows.map(({ id, projectIds }) => [id, projectIds]));
}

/** How many passages the reader has, and how many of them wait for their vector. */
export async function countPassages(
  executor: Executor,
  reader: Reader,
): Promise<{ readonly total: number; readonly waiting: number }> {
  const { rows } = await sql<{ total: bigint; waiting: bigint }>`
    select count(*) as total, count(*) filter (where encoder = '') as waiting
    from chunks, articles where ${readable(reader)}`.execute(executor);
  return { total: Number(rows[0]?.total ?? 0n), waiting: Number(rows[0]?.waiting ?? 0n) };
}

export interface WaitingPassage {
  readonly id: string;
  readonly organisationId: string;
  readonly title: string;
  readonly headings: readonly string[];
  readonly text: string;
}

/** Takes some passages without a vector for `claimMs`: no other replica takes them meanwhile. */
export async function claimWaiting(
  executor: Executor,
  { limit, claimMs }: { readonly limit: number; readonly claimMs: number },
): Promise<readonly WaitingPassage[]> {
  const { rows } = await sql<WaitingPassage>`
    update chunks set claimed_until = now() + make_interval(secs => ${claimMs / 1000})
    where id in (
      select id from chunks
      where encoder = '' and (claimed_until is null or claimed_until < now())
      order by id limit ${limit} for update skip locked)
    returning id, organisation_id as "organisationId", title, headings, text`.execute(executor);
  return rows;
}

/** Gives claimed passages back, for any replica to take at once. */
export async function giveBack(executor: Executor, ids: readonly string[]): Promise<void> {
  await sql`
    update chunks set claimed_until = null
    where id = any(${ids}::text[]) and encoder = ''`.execute(executor);
}

/** Keeps vectors; null for what the encoder does not take. Passages that are gone stay gone. */
export async function putVectors(
  database: Database<Schema>,
  encoder: string,
  vectors: readonly {
    readonly id: string;
    readonly organisationId: string;
    readonly vector: Buffer | null;
  }[],
): Promise<void> {
  const ids = vectors.map(({ id }) => id);
  const values = vectors.map(({ vector }) => vector);
  await transaction(database, async (tx) => {
    await sql`
      update chunks set vector = made.vector, encoder = ${encoder}, claimed_until = null
      from unnest(${ids}::text[], ${values}::bytea[]) as made (id, vector)
      where chunks.id = made.id`.execute(tx);
    const organisations = new Set(vectors.map(({ organisationId }) => organisationId));
    // In one order everywhere, so that two replicas never wait for each other.
    for (const id of [...organisations].sort()) await touchLibrary(tx, id);
  });
}

/** Has passages of other encoders wait for this one; how many. */
export async function takeBackOthers(
  executor: Executor,
  encoder: string,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    update chunks set encoder = '', vector = null, claimed_until = null
    where id in (
      select id from chunks where encoder not in ('', ${encoder})
      limit ${limit} for update skip locked)`.execute(executor);
  return Number(numAffectedRows);
}
