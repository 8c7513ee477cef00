/**
 * One ranking out of meaning, words and exact terms. Meaning leads where it was measured and the
 * encoder knows the language; words break ties there and lead elsewhere; a passage with a rare term
 * that was asked for to the letter is rescued to the top. Plain rank fusion was measured and is
 * worse: it lets a passage that shares everyday words overtake one that means the same. Pure.
 */

export interface Candidate {
  readonly chunkId: string;
  readonly articleId: string;
  /** Of meaning, -1 to 1; undefined where it was not measured. */
  readonly similarity: number | undefined;
  /** Of words, 0 to 1. */
  readonly lexical: number;
  /** Exact terms of the question that stand in it. */
  readonly exactTerms: readonly string[];
  /** The encoder was trained on its language. */
  readonly isEncoderLanguage: boolean;
}

export interface Ranked extends Candidate {
  readonly score: number;
}

export type SearchMode = "hybrid" | "lexical" | "vector";

/** What words add to meaning, and what meaning adds to words where the encoder is weak. */
const wordsBesideMeaning = 0.35;
const meaningBesideWords = 0.2;
const wordsAlone = 0.85;
const rescue = 0.5;

/**
 * Ranked best first. `rarities`: how much each exact term of the question tells, 0 (stands
 * everywhere) to 1 (stands in one passage).
 */
export function fuse(
  candidates: readonly Candidate[],
  { mode, rarities }: { readonly mode: SearchMode; readonly rarities: ReadonlyMap<string, number> },
): readonly Ranked[] {
  return candidates
    .map((candidate) => ({ ...candidate, score: scoreOf(candidate, mode, rarities) }))
    .sort(
      (left, right) =>
        right.score - left.score ||
        right.lexical - left.lexical ||
        (left.chunkId < right.chunkId ? -1 : 1),
    );
}

function scoreOf(
  candidate: Candidate,
  mode: SearchMode,
  rarities: ReadonlyMap<string, number>,
): number {
  const { similarity, lexical, exactTerms, isEncoderLanguage } = candidate;
  if (mode === "vector") return similarity ?? -1;
  if (mode === "lexical") return lexical;
  return baseScore({ similarity, lexical, isEncoderLanguage }) + rescueOf(exactTerms, rarities);
}

function baseScore({
  similarity,
  lexical,
  isEncoderLanguage,
}: Pick<Candidate, "similarity" | "lexical" | "isEncoderLanguage">): number {
  if (similarity === undefined) return wordsAlone * lexical;
  if (isEncoderLanguage) return Math.max(0, similarity) + wordsBesideMeaning * lexical;
  return wordsAlone * lexical + meaningBesideWords * Math.max(0, similarity);
}

function rescueOf(terms: readonly string[], rarities: ReadonlyMap<string, number>): number {
  let found = 0;
  let asked = 0;
  for (const value of rarities.values()) asked += value;
  for (const term of terms) found += rarities.get(term) ?? 0;
  // Of several terms asked for the rarest that was found decides, the others add their share.
  const best = terms.reduce((most, term) => Math.max(most, rarities.get(term) ?? 0), 0);
  return asked === 0 ? 0 : rescue * (0.7 * best + (0.3 * found) / asked);
}

/**
 * How much an exact term tells: 1 when it stands in one passage of many, 0 when in a tenth of
 * them all or more.
 */
export function exactRarity(frequency: number, total: number): number {
  if (frequency <= 0) return 0;
  if (frequency === 1) return 1;
  const many = Math.max(3, total / 10);
  return Math.max(0, 1 - Math.log(frequency) / Math.log(many));
}

/**
 * What a passage needs to be worth a place in a context: otherwise it only distracts. Idle talk
 * comes to 0.15 at most with all-MiniLM-L6-v2, questions with an answer mostly to 0.3 and more.
 */
const worthScore = 0.2;
const worthLexical = 0.55;

/** The passages that are worth it, the best first, never much worse than the best one. */
export function worthTelling<Found extends Pick<Ranked, "score" | "lexical" | "similarity">>(
  ranked: readonly Found[],
  { limit }: { readonly limit: number },
): readonly Found[] {
  const best = ranked[0]?.score ?? 0;
  return ranked
    .filter(({ score, lexical, similarity }) =>
      similarity === undefined ? lexical >= worthLexical : score >= worthScore,
    )
    .filter(({ score }) => score >= best * 0.6)
    .slice(0, limit);
}
