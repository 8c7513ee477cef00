/**
 * How well a passage's words answer a question's: BM25 over what the reader may read, as a share of
 * what a passage could reach that has every word of the question. A share can be held against a
 * threshold; a bare BM25 cannot. Pure.
 */

/** BM25's usual constants: how soon a repeated word says nothing new, how much length counts. */
const saturation = 1.2;
const lengthWeight = 0.75;

export interface Corpus {
  /** Passages that the reader may read. */
  readonly total: number;
  /** Words of a passage, on average. */
  readonly averageLength: number;
  /** In how many passages each word of the question stands. */
  readonly frequencies: ReadonlyMap<string, number>;
}

export interface WordMatch {
  readonly length: number;
  /** How often each of the question's words stands in it; absent ones are left out. */
  readonly counts: Readonly<Record<string, number>>;
}

/** How much a word tells: little when it stands everywhere, most when it stands nowhere else. */
export function rarity({ total, frequencies }: Corpus, word: string): number {
  const frequency = frequencies.get(word) ?? 0;
  return Math.log(1 + (total - frequency + 0.5) / (frequency + 0.5));
}

/**
 * Scores from 0 to 1. A word that stands in no passage counts as half a rare one: it says that the
 * question is about something else, though a word that was never written is often only a synonym.
 */
export function lexicalScore(corpus: Corpus, match: WordMatch): number {
  let reached = 0;
  let reachable = 0;
  for (const [word, frequency] of corpus.frequencies) {
    const weight = rarity(corpus, word);
    reachable += frequency === 0 ? weight / 2 : weight;
    const count = match.counts[word] ?? 0;
    if (count === 0) continue;
    const relativeLength = match.length / Math.max(corpus.averageLength, 1);
    const damping = saturation * (1 - lengthWeight + lengthWeight * relativeLength);
    // One occurrence in a passage of average length reaches the whole weight.
    reached += weight * Math.min(1, (count * (1 + saturation)) / (count + damping));
  }
  return reachable === 0 ? 0 : Math.min(1, reached / reachable);
}
