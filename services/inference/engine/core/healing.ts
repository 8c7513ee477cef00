/**
 * Continues a text whose tokens are not remembered. A cut inside a word splits it into tokens that
 * the model would never have drawn, and it goes on badly. So the last word is taken back and drawn
 * again, among the tokens that agree with it only ("token healing"). Where the text before the last
 * word is made of the tokens that were drawn, a greedy continuation is exact. Pure.
 */
export interface HealingStart {
  /** Tokens that stand. */
  readonly kept: readonly number[];
  /** Text that must be drawn again after them; empty when nothing has to be. */
  readonly again: string;
}

/** A longer word than this is no word: only its last token is taken back. */
const wordLengthMax = 48;

/** Splits the tokens of a text before its last word. `textOf` gives the text of a token. */
export function beforeLastWord(
  tokens: readonly number[],
  textOf: (token: number, index: number) => string,
): HealingStart {
  let again = "";
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    const token = tokens[index] ?? 0;
    const text = textOf(token, index);
    if (text === "" || text.includes("\ufffd")) break;
    if (again !== "" && text.length + again.length > wordLengthMax) break;
    again = text + again;
    if (index === 0 || /^\s/.test(text)) return { kept: tokens.slice(0, index), again };
  }
  const last = tokens.at(-1);
  const lastText = last === undefined ? "" : textOf(last, tokens.length - 1);
  if (lastText === "" || lastText.includes("\ufffd")) return { kept: tokens, again: "" };
  return { kept: tokens.slice(0, -1), again: lastText };
}

/** Tokens of a vocabulary that agree with `again`: they begin it, or it begins them. */
export function agreeingTokens(vocabulary: readonly string[], again: string): readonly number[] {
  const agreeing: number[] = [];
  for (const [token, text] of vocabulary.entries()) {
    if (text !== "" && (again.startsWith(text) || text.startsWith(again))) agreeing.push(token);
  }
  return agreeing;
}

/** What is left to draw after this token, and what it says beyond. */
export function afterToken(again: string, text: string): { again: string; beyond: string } {
  return text.length >= again.length
    ? { again: "", beyond: text.slice(again.length) }
    : { again: again.slice(text.length), beyond: "" };
}
