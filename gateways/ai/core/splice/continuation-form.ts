/**
 * How an upstream goes on with an answer that is there in part. Pure data; each profile names its
 * own, and docs/guides/broken-streams.md tells them to people.
 */
export interface ContinuationForm {
  /**
   * How it is told, in a chat, that the last message is an answer to go on with.
   * - `prefix`: `prefix: true` on that message (DeepSeek; the embedded engine).
   * - `final_message`: `continue_final_message` and no generation prompt (vLLM, SGLang).
   * - `last_message`: by the message being the assistant's (llama.cpp).
   * - `none`: it would begin a second answer.
   */
  readonly chat: "none" | "prefix" | "final_message" | "last_message";
  /** Finds the tokens behind a text itself, so that it wants all of it, as it was sent. */
  readonly isExact: boolean;
  /** Goes on with reasoning that was begun. */
  readonly reasoning: boolean;
  /** Leads its grammar along the part that is there, so that JSON mode and schemas still hold. */
  readonly json: boolean;
  /** Takes a part that ends in blanks. */
  readonly trailingBlanks: boolean;
}

/** Begins anew whatever it is given; text completions go on everywhere, since their prompt does. */
export const noContinuation: ContinuationForm = {
  chat: "none",
  isExact: false,
  reasoning: false,
  json: false,
  trailingBlanks: true,
};

/** What an answer needs of whoever goes on with it. */
export interface ContinuationNeed {
  readonly isChat: boolean;
  /** There is something to go on with; otherwise the request is asked as it is. */
  readonly isBegun: boolean;
  /** It broke while the model was thinking. */
  readonly isReasoning: boolean;
  readonly isJson: boolean;
}

export function canContinue(form: ContinuationForm, need: ContinuationNeed): boolean {
  if (!need.isBegun) return true;
  if (!need.isChat) return true;
  if (form.chat === "none") return false;
  if (need.isReasoning && !form.reasoning) return false;
  return !need.isJson || form.json;
}

/** The part that is sent, and the part behind it that has to be said again and is swallowed. */
export interface PrefixPlan {
  readonly prefix: string;
  readonly overlap: string;
}

/** A word that is longer than this is sent as it is. */
const wordMax = 64;

/**
 * Where to cut the text that is sent. A text says nothing of its tokens: " ri" and " river" have
 * none in common, so a server that goes on from " ri" may be led where the first one never was.
 * Cut before the last word it draws that word again, and if it draws the same one, nothing was
 * guessed. That is worth a try only where one word is certain, that is without sampling; a sampled
 * word would mostly be another one. Servers that keep their own tokens get everything.
 */
export function planPrefix(
  text: string,
  form: ContinuationForm,
  given: { readonly isGreedy: boolean; readonly mayBackUp: boolean },
): PrefixPlan {
  return cutAt(text, lengthAgain(text, form, given));
}

/** How much of the text's end is to be said again. */
function lengthAgain(
  text: string,
  form: ContinuationForm,
  { isGreedy, mayBackUp }: { readonly isGreedy: boolean; readonly mayBackUp: boolean },
): number {
  // Half a character can be sent as an escape, and cannot be gone on from.
  const half = /[\ud800-\udbff]$/.test(text) ? 1 : 0;
  const blanks = half > 0 ? 0 : (/\s+$/.exec(text)?.[0].length ?? 0);
  if (blanks > 0 && !form.trailingBlanks) return blanks;
  if (form.isExact || !isGreedy || !mayBackUp) return half;
  return blanks || (/\s+\S+$/.exec(text.slice(-wordMax))?.[0].length ?? half);
}

function cutAt(text: string, fromEnd: number): PrefixPlan {
  const at = text.length - fromEnd;
  return { prefix: text.slice(0, at), overlap: text.slice(at) };
}
