/** A chunk, as far as it has to be known to tell that it brings words and nothing else. */
export interface WordChunk {
  readonly choices?: readonly {
    readonly index?: number;
    readonly delta?: Readonly<Record<string, unknown>>;
    readonly finish_reason?: string | null;
    readonly logprobs?: unknown;
  }[];
  readonly usage?: unknown;
  readonly error?: unknown;
}

/** An upstream whose chunks differ in more than their words is not learned from for ever. */
const lessonsMax = 16;
/** Reasoning and calls are not worth a look. */
const saysWords = /"content": ?"[^"]/;
const probe = "tandem";
/** What JSON writes as it is: no quote, no backslash, no control character. */
const plainWords = /^[ !#-[\]-\uffff]+$/;

/**
 * Finds the words of a chunk that is like the last one in all but these, as nearly all of a stream
 * is: to translate them costs less than to read such a chunk as JSON and to write it as JSON again
 * (`npm run bench`, message-chunk and those behind it). Has the state of one stream.
 */
export class WordChunks {
  #before = "";
  #behind = "";
  #lessons = 0;

  /** What stands before the words of a chunk; empty while nothing was learned. */
  get before(): string {
    return this.#before;
  }

  /** What stands behind them. */
  get behind(): string {
    return this.#behind;
  }

  /** Whether it is worth reading a chunk to `learn` from it. */
  mayLearn(text: string, start: number, end: number): boolean {
    return this.#lessons < lessonsMax && saysWords.test(text) && !this.#fits(text, start, end);
  }

  /**
   * The words of the chunk from `start` to `end`, which as JSON are the same but for the quotes;
   * undefined where it has to be read.
   */
  wordsIn(text: string, start: number, end: number): string | undefined {
    if (!this.#fits(text, start, end)) return undefined;
    const words = text.slice(start + this.#before.length, end - this.#behind.length);
    return plainWords.test(words) ? words : undefined;
  }

  #fits(text: string, start: number, end: number): boolean {
    const before = this.#before;
    return (
      before !== "" &&
      end - start > before.length + this.#behind.length &&
      text.startsWith(before, start) &&
      text.endsWith(this.#behind, end)
    );
  }

  /**
   * The chunk that had to be read: those that come may be like it. Gives its words, where it
   * brings nothing else; what is found by `wordsIn` is like the last one for which it did.
   */
  learn(text: string, { start, end, chunk }: LearnedChunk): string | undefined {
    const words = wordsOnly(chunk);
    if (this.#fits(text, start, end)) return words;
    this.#before = "";
    this.#lessons += 1;
    if (words === undefined || this.#lessons > lessonsMax) return words;
    const json = text.slice(start, end);
    const value = JSON.stringify(words);
    const found = /"content": ?"/.exec(json);
    if (found === null) return words;
    const from = found.index + found[0].length;
    const before = json.slice(0, from);
    const behind = json.slice(from + value.length - 2);
    if (isTemplate(before, behind)) {
      this.#before = before;
      this.#behind = behind;
    }
    return words;
  }
}

interface LearnedChunk {
  readonly start: number;
  readonly end: number;
  readonly chunk: WordChunk;
}

/** Looked for as text, so it is tried whether the words stand there. */
function isTemplate(before: string, behind: string): boolean {
  try {
    return wordsOnly(JSON.parse(before + probe + behind) as WordChunk) === probe;
  } catch {
    return false;
  }
}

/** Undefined where a chunk brings anything but words. */
export function wordsOnly({ choices, usage, error }: WordChunk): string | undefined {
  const [choice] = choices ?? [];
  if (choices?.length !== 1 || choice === undefined) return undefined;
  if ((usage ?? null) !== null || (error ?? null) !== null) return undefined;
  const { index, delta, finish_reason: reason, logprobs } = choice;
  if (index !== 0 || (reason ?? null) !== null || (logprobs ?? null) !== null) return undefined;
  for (const name in delta) if (name !== "content" && delta[name] !== null) return undefined;
  const words = delta?.["content"];
  return typeof words === "string" && words !== "" ? words : undefined;
}
