import { isObject, type JsonObject } from "../../dialects/reading.ts";

/** Anthropic's usage as it grows in a stream: what comes later overwrites, where it is a number. */
export class AnthropicUsage {
  #input = 0;
  #cacheRead = 0;
  #cacheWrite = 0;
  #output = 0;
  #thinking = 0;
  #isKnown: boolean = false;

  take(usage: unknown): void {
    if (!isObject(usage)) return;
    this.#input = countIn(usage["input_tokens"], this.#input);
    this.#cacheRead = countIn(usage["cache_read_input_tokens"], this.#cacheRead);
    this.#cacheWrite = countIn(usage["cache_creation_input_tokens"], this.#cacheWrite);
    this.#output = countIn(usage["output_tokens"], this.#output);
    const details = usage["output_tokens_details"];
    if (isObject(details)) this.#thinking = countIn(details["thinking_tokens"], this.#thinking);
    this.#isKnown = true;
  }

  /** In canonical form, where cached tokens are part of the prompt's; undefined if never told. */
  canonical(): JsonObject | undefined {
    if (!this.#isKnown) return undefined;
    const prompt = this.#input + this.#cacheRead + this.#cacheWrite;
    return {
      prompt_tokens: prompt,
      completion_tokens: this.#output,
      total_tokens: prompt + this.#output,
      prompt_cache_hit_tokens: this.#cacheRead,
      ...(this.#thinking === 0
        ? {}
        : { completion_tokens_details: { reasoning_tokens: this.#thinking } }),
    };
  }
}

function countIn(value: unknown, before: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : before;
}
