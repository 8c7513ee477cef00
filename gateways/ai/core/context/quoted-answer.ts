/** What an extractive model says: sentences of articles, each with the number that it cites. Pure. */
import { likelyTextTokens } from "../money/prompt-estimate.ts";

export interface Quote {
  readonly text: string;
  /** Which of the passages it stands in, from 1 on. */
  readonly hit: number;
}

export interface QuotedAnswer {
  readonly text: string;
  readonly finishReason: "stop" | "length";
  /** The passages that are cited, by their places; the first is cited as 1. */
  readonly cited: readonly number[];
}

export const nothingFound = "The articles that I may read do not answer this.";

/** Whole quotes as far as there is room for them; of the first at least its beginning. */
export function quotedAnswer(
  quotes: readonly Quote[],
  tokensMax: number = Number.POSITIVE_INFINITY,
): QuotedAnswer {
  if (quotes.length === 0) return withinTokens(nothingFound, tokensMax);
  const cited: number[] = [];
  let text = "";
  for (const quote of quotes) {
    const isNew = !cited.includes(quote.hit);
    const number = isNew ? cited.length + 1 : cited.indexOf(quote.hit) + 1;
    const longer = `${text}${text === "" ? "" : "\n\n"}${quote.text} [${number}]`;
    if (tokensOf(longer) > tokensMax) {
      if (text !== "") return { text, finishReason: "length", cited };
      return { ...withinTokens(longer, tokensMax), cited: [quote.hit] };
    }
    if (isNew) cited.push(quote.hit);
    text = longer;
  }
  return { text, finishReason: "stop", cited };
}

function withinTokens(text: string, tokensMax: number): QuotedAnswer {
  let kept = text;
  while (kept !== "" && tokensOf(kept) > tokensMax) {
    kept = kept.slice(0, Math.floor(kept.length * 0.9)).toWellFormed();
  }
  return { text: kept, finishReason: kept === text ? "stop" : "length", cited: [] };
}

function tokensOf(text: string): number {
  return likelyTextTokens(Buffer.byteLength(text));
}
