/**
 * Passages by their words and by exact terms, among those that the reader may read. Numbers are
 * taken over the same passages, so that not even a word's rarity tells of others'.
 */
import { type Database, sql } from "@tandem/libs/store";
import { searchableText } from "../core/languages.ts";
import type { Corpus } from "../core/lexical-score.ts";
import type { Reader } from "../core/visibility.ts";
import { tenantTerm } from "./passages.ts";
import { readable } from "./readable.ts";
import type { Schema } from "./schema.ts";

/** Passages that are looked at closely. */
const matchesMax = 300;
/** Words of a question; more say nothing new. */
const wordsMax = 32;

export interface WordHit {
  readonly id: string;
  readonly articleId: string;
  readonly language: string;
  readonly length: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface WordFindings {
  readonly corpus: Corpus;
  readonly hits: readonly WordHit[];
}

interface Asked {
  readonly configuration: string;
  readonly words: readonly string[];
}

export async function findByWords(
  database: Database<Schema>,
  given: { readonly reader: Reader; readonly query: string; readonly language: string },
): Promise<WordFindings> {
  const { reader, language } = given;
  const asked = await wordsAsked(database, given);
  const words = [...new Set(asked.flatMap((one) => one.words))];
  const corpus = await readCorpus(database, { reader, language, asked, words });
  if (words.length === 0 || corpus.total === 0) return { corpus, hits: [] };
  const hits = await matching(database, { reader, language, asked, words });
  return { corpus, hits };
}

/** The question's words as each configuration that the reader has passages in takes them apart. */
async function wordsAsked(
  database: Database<Schema>,
  {
    reader,
    query,
    language,
  }: { readonly reader: Reader; readonly query: string; readonly language: string },
): Promise<readonly Asked[]> {
  const text = searchableText(query, language);
  const { rows } = await sql<{ configuration: string; words: string[] }>`
    select used.configuration,
      tsvector_to_array(to_tsvector(used.configuration::regconfig, ${text})) as words
    from (
      select distinct configuration from chunks
      where organisation_id = ${reader.organisationId}) used`.execute(database);
  return rows
    .map(({ configuration, words }) => ({ configuration, words: words.slice(0, wordsMax) }))
    .filter(({ words }) => words.length > 0);
}

interface Within {
  readonly reader: Reader;
  readonly language: string;
  readonly asked: readonly Asked[];
  readonly words: readonly string[];
}

function ofLanguage(language: string) {
  return language === "" ? sql`true` : sql`chunks.language = ${language}`;
}

async function readCorpus(database: Database<Schema>, within: Within): Promise<Corpus> {
  const { reader, language, asked, words } = within;
  const frequencies = words.map(
    (word, index) => sql`count(*) filter (where chunks.words @@ ${termQuery(word)}::tsquery
      and chunks.configuration = any(${configurationsOf(asked, word)}::text[]))
      as ${sql.ref(`f${index}`)}`,
  );
  const { rows } = await sql<Record<string, bigint | number | null>>`
    select count(*) as total, avg(length(chunks.words))::double precision as average
      ${frequencies.length === 0 ? sql`` : sql`, ${sql.join(frequencies)}`}
    from chunks, articles
    where ${readable(reader)} and ${ofLanguage(language)}`.execute(database);
  const [row = {}] = rows;
  return {
    total: Number(row["total"] ?? 0),
    averageLength: Number(row["average"] ?? 1),
    frequencies: new Map(words.map((word, index) => [word, Number(row[`f${index}`] ?? 0)])),
  };
}

async function matching(database: Database<Schema>, within: Within): Promise<readonly WordHit[]> {
  const { reader, language, asked, words } = within;
  const tenant = termQuery(tenantTerm(reader.organisationId));
  const perConfiguration = asked.map((one) => {
    const any = one.words.map(termQuery).join(" | ");
    return sql`(chunks.configuration = ${one.configuration}
      and chunks.words @@ ${`${tenant} & (${any})`}::tsquery)`;
  });
  const any = words.map(termQuery).join(" | ");
  const { rows } = await sql<WordHit>`
    select found.id, found.article_id as "articleId", found.language,
      length(found.words) as length,
      coalesce((
        select json_object_agg(word.lexeme, coalesce(cardinality(word.positions), 1))
        from unnest(found.words) word where word.lexeme = any(${words}::text[])), '{}') as counts
    from (
      select chunks.* from chunks, articles
      where ${readable(reader)} and ${ofLanguage(language)}
        and (${sql.join(perConfiguration, sql` or `)})
      order by ts_rank(chunks.words, ${any}::tsquery, 1) desc, chunks.id
      limit ${matchesMax}) found`.execute(database);
  return rows;
}

function configurationsOf(asked: readonly Asked[], word: string): readonly string[] {
  return asked.filter(({ words }) => words.includes(word)).map((one) => one.configuration);
}

/** A word as a `tsquery` takes it: to the letter. */
function termQuery(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

export interface ExactHit {
  readonly id: string;
  readonly articleId: string;
  readonly language: string;
  readonly terms: readonly string[];
}

export interface ExactFindings {
  readonly hits: readonly ExactHit[];
  /** In how many passages each term stands. */
  readonly frequencies: ReadonlyMap<string, number>;
}

const exactMatchesMax = 200;

export async function findByExactTerms(
  database: Database<Schema>,
  given: { readonly reader: Reader; readonly terms: readonly string[]; readonly language: string },
): Promise<ExactFindings> {
  const { reader, terms, language } = given;
  if (terms.length === 0) return { hits: [], frequencies: new Map() };
  const { rows } = await sql<ExactHit & { all: string[] }>`
    select chunks.id, chunks.article_id as "articleId", chunks.language,
      array(select unnest(chunks.exact_terms) intersect select unnest(${terms}::text[])) as terms
    from chunks, articles
    where ${readable(reader)} and ${ofLanguage(language)}
      and chunks.exact_terms @> array[${tenantTerm(reader.organisationId)}]::text[]
      and chunks.exact_terms && ${terms}::text[]
    order by chunks.id limit ${exactMatchesMax}`.execute(database);
  const frequencies = new Map<string, number>();
  for (const hit of rows) {
    for (const term of hit.terms) frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
  }
  return { hits: rows, frequencies };
}
