/**
 * What was lately generated, token by token. A stream that broke is continued from its text; the
 * tokens behind a text are not unique, and only those that were really drawn lead on exactly. So
 * they are kept for a while, found again by prompt and text. Pure; bounded by `limit` generations.
 */
export interface Remembered {
  /** Tokens whose text covers the prefix, the last of them perhaps beyond it. */
  readonly tokens: readonly number[];
  /** Text of these tokens that comes after the prefix. */
  readonly beyond: string;
}

/** One generation being written down. */
export interface Recording {
  /** Notes a token that was drawn; `text` is the whole text that it completed, often one word. */
  add(token: number, text: string): void;
}

interface Generation {
  readonly promptHash: string;
  readonly tokens: number[];
  /** After how many tokens the text had which length. Only where it ended in a whole character. */
  readonly marks: { readonly tokens: number; readonly length: number }[];
  text: string;
}

export class Recollection {
  readonly #limit: number;
  readonly #generations: Generation[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts writing down what follows the prompt with this hash; `begun` is its start. */
  record(
    promptHash: string,
    begun: { readonly tokens: readonly number[]; readonly text: string },
  ): Recording {
    const { tokens, text: begunText } = begun;
    const generation: Generation = {
      promptHash,
      tokens: [...tokens],
      marks: tokens.length === 0 ? [] : [{ tokens: tokens.length, length: begunText.length }],
      text: begunText,
    };
    this.#generations.push(generation);
    if (this.#generations.length > this.#limit) this.#generations.shift();
    return {
      add: (token, text) => {
        generation.tokens.push(token);
        if (text === "") return;
        generation.text += text;
        generation.marks.push({ tokens: generation.tokens.length, length: generation.text.length });
      },
    };
  }

  /** The latest generation after this prompt whose text begins with `prefix`. */
  find(promptHash: string, prefix: string): Remembered | undefined {
    for (let index = this.#generations.length - 1; index >= 0; index -= 1) {
      const generation = this.#generations[index];
      if (generation?.promptHash !== promptHash || !generation.text.startsWith(prefix)) continue;
      const mark = generation.marks.find(({ length }) => length >= prefix.length);
      if (mark === undefined) continue;
      return {
        tokens: generation.tokens.slice(0, mark.tokens),
        beyond: generation.text.slice(prefix.length, mark.length),
      };
    }
    return undefined;
  }
}
