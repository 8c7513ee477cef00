/**
 * An answer without a language model: the sentences of the best passages that answer the question,
 * quoted as they stand, or none. Pure.
 */

export interface ScoredSentence {
  readonly text: string;
  /** Which passage it stands in, from 0 on, and where in it. */
  readonly passage: number;
  readonly position: number;
  /** Of its meaning and the question's; undefined where it was not measured. */
  readonly similarity: number | undefined;
  /** Share of the question's words in it, 0 to 1. */
  readonly lexical: number;
  /** The passage's own score. */
  readonly passageScore: number;
}

export interface Quoted {
  readonly text: string;
  readonly passage: number;
  readonly score: number;
}

const quotesMax = 3;
const leastScore = 0.35;
const nearBest = 0.8;

/** At most three, the best first; empty when nothing in the passages answers it. */
export function extractAnswer(sentences: readonly ScoredSentence[]): readonly Quoted[] {
  const scored = sentences
    .map((sentence) => ({ ...sentence, score: scoreOf(sentence) }))
    .sort((left, right) => right.score - left.score || left.position - right.position);
  const best = scored[0]?.score ?? 0;
  if (best < leastScore) return [];
  return scored
    .filter(({ score }) => score >= Math.max(leastScore, best * nearBest))
    .slice(0, quotesMax)
    .map(({ text, passage, score }) => ({ text, passage, score }));
}

function scoreOf({ similarity, lexical, passageScore }: ScoredSentence): number {
  const own = similarity === undefined ? lexical : Math.max(0, similarity) + 0.35 * lexical;
  return 0.7 * own + 0.3 * Math.min(1, passageScore);
}

/** Markdown's marks taken away: a quote is text. */
export function plainText(markdown: string): string {
  return markdown
    .replace(/```[\s\S]*?```|~~~[\s\S]*?~~~/g, "\n")
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replace(/(\*\*|__|~~)(.+?)\1/g, "$2")
    .replace(/^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+/gm, "")
    .replace(/^[ \t:|-]+$/gm, "")
    .replace(/`([^`]+)`/g, "$1");
}
