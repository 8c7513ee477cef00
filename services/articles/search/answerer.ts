/**
 * The extractive answer: sentences of the best passages that say what was asked, quoted as they
 * stand. It is no language model, makes nothing up, and declines where the articles are silent.
 */
import {
  extractAnswer,
  plainText,
  type Quoted,
  type ScoredSentence,
} from "../core/extract-answer.ts";
import { worthTelling } from "../core/fusion.ts";
import { sentencesOf } from "../core/languages.ts";
import { normalised } from "../core/vectors.ts";
import type { Reader } from "../core/visibility.ts";
import type { Encoder } from "../encoder/encoder.ts";
import type { QuestionVectors } from "../encoder/question-vectors.ts";
import type { Found, FoundPassage, Searcher } from "./searcher.ts";

export interface AnswerQuestion {
  readonly reader: Reader;
  readonly query: string;
  readonly language: string;
}

export interface FoundAnswer extends Pick<Found, "passages" | "degraded"> {
  readonly quotes: readonly Quoted[];
}

export interface Answerer {
  answer(question: AnswerQuestion): Promise<FoundAnswer>;
}

const passagesMax = 3;
/** Sentences that are embedded for one answer: some hundred milliseconds of the encoder. */
const sentencesMax = 24;
const sentenceLengthMin = 20;
const sentenceLengthMax = 500;

export function createAnswerer(parts: {
  readonly searcher: Searcher;
  /** Undefined where search goes by words alone. */
  readonly encoder: Encoder | undefined;
  readonly questions: QuestionVectors | undefined;
  readonly timeoutMs: number;
}): Answerer {
  return {
    async answer({ reader, query, language }) {
      const asked = { reader, query, language, mode: "hybrid", limit: passagesMax } as const;
      const found = await parts.searcher.search(asked);
      const passages = worthTelling(found.passages, { limit: passagesMax });
      const sentences = splitPassages(passages);
      const [vector, similar] = await Promise.all([
        parts.questions?.of(query),
        embedSentences(parts, sentences),
      ]);
      const scored = sentences.map((sentence, index) => ({
        ...sentence,
        similarity: dot(vector, similar?.[index]),
        lexical: sharedWords(query, sentence.text),
      }));
      return { quotes: extractAnswer(scored), passages, degraded: found.degraded };
    },
  };
}

type Sentence = Omit<ScoredSentence, "similarity" | "lexical">;

function splitPassages(passages: readonly FoundPassage[]): readonly Sentence[] {
  const sentences: Sentence[] = [];
  for (const [passage, { text, language, score }] of passages.entries()) {
    let position = 0;
    for (const line of plainText(text).split(/\n{2,}|\n(?=[^\p{Ll}])/u)) {
      for (const sentence of sentencesOf(line.replace(/\s+/g, " "), language)) {
        position += 1;
        const { length } = sentence;
        if (length < sentenceLengthMin || length > sentenceLengthMax) continue;
        sentences.push({ text: sentence, passage, position, passageScore: score });
      }
    }
  }
  return sentences.slice(0, sentencesMax);
}

async function embedSentences(
  { encoder, timeoutMs }: { readonly encoder: Encoder | undefined; readonly timeoutMs: number },
  sentences: readonly Sentence[],
): Promise<readonly (readonly number[] | undefined)[] | undefined> {
  if (encoder === undefined || sentences.length === 0) return undefined;
  try {
    return await encoder.embed(
      sentences.map(({ text }) => text),
      { timeoutMs },
    );
  } catch {
    return undefined;
  }
}

function dot(
  question: Float32Array | undefined,
  sentence: readonly number[] | undefined,
): number | undefined {
  if (question === undefined || sentence === undefined) return undefined;
  const unit = normalised(sentence);
  return question.reduce((sum, value, index) => sum + value * (unit[index] ?? 0), 0);
}

/** Share of the question's words of some length that stand in the sentence, by their beginnings. */
function sharedWords(query: string, sentence: string): number {
  const stems = (text: string): Set<string> =>
    new Set((text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []).map((word) => word.slice(0, 6)));
  const asked = stems(query);
  const there = stems(sentence);
  if (asked.size === 0) return 0;
  return [...asked].filter((stem) => there.has(stem)).length / asked.size;
}
