import type { LlamaModel } from "./llama.ts";

const before = 8;
/** A character has at most four bytes; a token that still is none after these never will be. */
const pendingMax = 8;
const broken = "\ufffd";

/**
 * Turns tokens into text as they are drawn. A character may be spread over several tokens; its
 * bytes are held until it is whole, so that no piece ends in the middle of one.
 */
export class TokenText {
  readonly #model: LlamaModel;
  #last: number[];
  #pending: number[] = [];

  /** `tokens` stand before those to come: at a start some vocabularies write differently. */
  constructor(model: LlamaModel, tokens: readonly number[]) {
    this.#model = model;
    this.#last = tokens.slice(-before);
  }

  /** The text this token completed; empty when it ends inside a character. */
  push(token: number): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#last);
    if (text.endsWith(broken) && this.#pending.length < pendingMax) return "";
    this.#last = [...this.#last, ...this.#pending].slice(-before);
    this.#pending = [];
    return text;
  }

  /** What the bytes that were held back look like. Call at the end. */
  rest(): string {
    if (this.#pending.length === 0) return "";
    const text = this.#model.detokenize(this.#pending, false, this.#last);
    this.#pending = [];
    return text;
  }
}
