import type { Exchange } from "@tandem/libs/http";

/** What an event that brings words and nothing else says; see `AnswerReader`. */
export interface SaidWords {
  readonly words: string | undefined;
  readonly likeness: symbol | undefined;
}

/** A transport that can do more with words than with the event that brings them. */
export interface WordWriter {
  /** Instead of `write(piece)`, for one event. False when the client is slow. */
  writeWords(piece: Buffer, words: string, likeness: symbol | undefined): boolean;
}

export function isWordWriter(exchange: Exchange): exchange is Exchange & WordWriter {
  return "writeWords" in exchange;
}
