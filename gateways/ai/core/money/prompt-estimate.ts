import type { PromptSize } from "../request/generation-request.ts";

/**
 * Tokens of a prompt, judged by its bytes: the gateway has no tokenizer, which would cost 1.3 ms
 * for 5 KB and know one vocabulary only. DeepSeek publishes 0.3 token for a Latin character and 0.6
 * for a Chinese one, which is 0.2 to 0.3 for a byte of UTF-8 in either.
 */
const tokensPerByte = 0.3;
/** Half a token a byte: code, digits and rare scripts come to 0.4. */
const tokensPerByteMax = 0.5;
/** Below this a text of any language does not get: long runs of blanks aside. */
const tokensPerByteMin = 0.1;
const tokensPerImage = 1_200;
const tokensPerImageMax = 3_000;
/** What chat templates add before the first and after the last message. */
const templateTokens = 16;

/** The best guess; for limits of tokens, where an error evens out. */
export function likelyPromptTokens({ textBytes, images }: PromptSize): number {
  return Math.ceil(textBytes * tokensPerByte) + images * tokensPerImage;
}

/**
 * What is reserved for a prompt. A prompt with more tokens than this is possible (it needs more
 * than one token for two bytes, throughout) and then costs no more than this: a charge is never
 * above its reservation.
 */
export function reservedPromptTokens({ textBytes, images }: PromptSize): number {
  return Math.ceil(textBytes * tokensPerByteMax) + images * tokensPerImageMax + templateTokens;
}

/** Surely fewer than it has: what is refused by this would be refused by every tokenizer. */
export function leastPromptTokens({ textBytes }: PromptSize): number {
  return Math.floor(textBytes * tokensPerByteMin);
}

/** Tokens of a text that was generated and not counted by whoever generated it. */
export function likelyTextTokens(textBytes: number): number {
  return Math.ceil(textBytes * tokensPerByte);
}
