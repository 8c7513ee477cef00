/**
 * Hybrid search: words, exact terms and meaning are asked at once, and fused into one ranking. What
 * it gives away is read in the end, by a statement that asks for the reader's right to it; so a
 * passage that was taken back a moment ago is not there, whatever any copy in memory says.
 */
import type { Database } from "@tandem/libs/store";
import type { World } from "@tandem/libs/world";
import { exactTermsAsked } from "../core/exact-terms.ts";
import { type Candidate, exactRarity, fuse, type Ranked, type SearchMode } from "../core/fusion.ts";
import { primaryLanguage } from "../core/languages.ts";
import { lexicalScore } from "../core/lexical-score.ts";
import { similarity } from "../core/vectors.ts";
import type { Reader } from "../core/visibility.ts";
import type { QuestionVectors } from "../encoder/question-vectors.ts";
import { type Passage, readPassages } from "../store/read-passages.ts";
import type { Schema } from "../store/schema.ts";
import { countPassages, readVectors } from "../store/vectors.ts";
import {
  type ExactFindings,
  findByExactTerms,
  findByWords,
  type WordFindings,
} from "../store/word-search.ts";
import type { Shelves } from "./shelf.ts";

export interface Question {
  readonly reader: Reader;
  readonly query: string;
  /** Empty for all. */
  readonly language: string;
  readonly mode: SearchMode;
  readonly limit: number;
}

export interface FoundPassage extends Passage, Omit<Ranked, "articleId" | "chunkId"> {}

export type VectorScope = "all" | "candidates" | "none";

export interface Found {
  readonly passages: readonly FoundPassage[];
  readonly degraded: readonly string[];
  readonly vectorScope: VectorScope;
}

export interface Searcher {
  search(question: Question): Promise<Found>;
}

/** Nearest passages that are looked at besides those that words have found. */
const nearestMax = 60;

export interface SearcherParts {
  readonly database: Database<Schema>;
  readonly world: World;
  readonly shelves: Shelves;
  /** Undefined where search goes by words alone. */
  readonly questions: QuestionVectors | undefined;
  readonly encoderLanguages: ReadonlySet<string>;
  readonly vectorsPerOrganisationMax: number;
}

export function createSearcher(parts: SearcherParts): Searcher {
  const { database } = parts;
  return {
    async search(question) {
      const { reader, query, language, mode } = question;
      const wantsVectors = parts.questions !== undefined && mode !== "lexical";
      const terms = mode === "hybrid" ? exactTermsAsked(query) : [];
      const [vector, words, exact, counts] = await Promise.all([
        wantsVectors ? parts.questions?.of(query) : undefined,
        findByWords(database, { reader, query, language }),
        findByExactTerms(database, { reader, terms, language }),
        countPassages(database, reader),
      ]);
      const meaning = await findByMeaning(parts, question, {
        vector,
        total: counts.total,
        also: new Set([...words.hits, ...exact.hits].map(({ id }) => id)),
      });
      const candidates = candidatesOf({ words, exact, meaning: meaning.found }, parts);
      const rarities = new Map(
        terms.map((term) => [
          term,
          exactRarity(exact.frequencies.get(term) ?? 0, words.corpus.total),
        ]),
      );
      const passages = await readRanked(database, question, fuse(candidates, { mode, rarities }));
      const degraded: string[] = [];
      if (wantsVectors && vector === undefined) degraded.push("embeddings");
      else if (wantsVectors && counts.waiting > 0) degraded.push("embeddings_pending");
      return { passages, degraded, vectorScope: meaning.scope };
    },
  };
}

interface Meaning {
  readonly id: string;
  readonly articleId: string;
  readonly language: string;
  readonly similarity: number;
}

async function findByMeaning(
  parts: SearcherParts,
  { reader, language }: Question,
  given: {
    readonly vector: Float32Array | undefined;
    readonly total: number;
    readonly also: ReadonlySet<string>;
  },
): Promise<{ readonly found: readonly Meaning[]; readonly scope: VectorScope }> {
  const { vector, total, also } = given;
  if (vector === undefined) return { found: [], scope: "none" };
  if (total > parts.vectorsPerOrganisationMax) {
    return { found: await scoreFew(parts.database, { reader, vector, also }), scope: "candidates" };
  }
  const shelf = await parts.shelves.of(reader.organisationId);
  const found = await shelf.nearest(vector, { reader, language, limit: nearestMax, also });
  return { found, scope: "all" };
}

/** Only those that words have found: their vectors are read for this question. */
async function scoreFew(
  database: Database<Schema>,
  given: {
    readonly reader: Reader;
    readonly vector: Float32Array;
    readonly also: ReadonlySet<string>;
  },
): Promise<readonly Meaning[]> {
  const { reader, vector, also } = given;
  const vectors = await readVectors(database, reader.organisationId, [...also]);
  const found: Meaning[] = [];
  for (const [id, packed] of vectors) {
    if (packed.length !== vector.length + 4) continue;
    found.push({ id, articleId: "", language: "", similarity: similarity(vector, packed) });
  }
  return found;
}

function candidatesOf(
  found: {
    readonly words: WordFindings;
    readonly exact: ExactFindings;
    readonly meaning: readonly Meaning[];
  },
  { encoderLanguages }: SearcherParts,
): readonly Candidate[] {
  const similarities = new Map(found.meaning.map((one) => [one.id, one.similarity]));
  const terms = new Map(found.exact.hits.map((one) => [one.id, one.terms]));
  const scores = new Map(
    found.words.hits.map((one) => [one.id, lexicalScore(found.words.corpus, one)]),
  );
  const places = new Map<string, { readonly articleId: string; readonly language: string }>();
  for (const one of [...found.meaning, ...found.exact.hits, ...found.words.hits]) {
    places.set(one.id, one);
  }
  return [...places].map(([chunkId, { articleId, language }]) => ({
    chunkId,
    articleId,
    similarity: similarities.get(chunkId),
    lexical: scores.get(chunkId) ?? 0,
    exactTerms: terms.get(chunkId) ?? [],
    isEncoderLanguage: encoderLanguages.has(primaryLanguage(language)),
  }));
}

/** The best passages with their texts; what may not be read any more makes room for the next. */
async function readRanked(
  database: Database<Schema>,
  { reader, limit }: Question,
  ranked: readonly Ranked[],
): Promise<readonly FoundPassage[]> {
  const some = ranked.slice(0, limit * 2);
  const texts = await readPassages(
    database,
    reader,
    some.map(({ chunkId }) => chunkId),
  );
  const passages: FoundPassage[] = [];
  for (const { chunkId, articleId: _, ...scores } of some) {
    const passage = texts.get(chunkId);
    if (passage !== undefined) passages.push({ ...passage, ...scores });
  }
  return passages.slice(0, limit);
}
