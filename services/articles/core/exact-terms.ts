/**
 * Terms that are asked for to the letter: error codes, option names, identifiers, numbers. Meaning
 * does not find them (an encoder has never seen `E1042`), so they are kept apart and searched as
 * they are. Pure.
 */

const termsMax = 300;
const termLengthMax = 80;
/** Longer runs are no words, and patterns take time by the square of their length. */
const wordLengthMax = 200;
const edges = /^[([{<"'“”‘’«»„]+|[)\]}>"'“”‘’«».,;:!?…]+$/gu;
const codeSpan = /`([^`\n]{1,200})`/g;
const quoted = /["“„«]([^"”“»\n]{2,80})["”“»]/g;

/** Whether a word is meant to the letter, by its looks. */
export function looksExact(word: string): boolean {
  if (word.length < 2) return false;
  if (/^\d{3,}$/.test(word)) return true;
  const hasLetter = /\p{L}/u.test(word);
  if (!hasLetter) return /\d[.:/-]\d/.test(word);
  if (/\d/.test(word)) return true;
  if (/^--?[\p{L}]/u.test(word)) return true;
  if (/[\p{L}][_./:@\\]+[\p{L}]/u.test(word) && !/^\p{L}+\/\p{L}+$/u.test(word)) return true;
  if (/\p{Ll}\p{Lu}/u.test(word)) return true;
  if (/^\p{Lu}{3,}$/u.test(word)) return true;
  return /-/.test(word) && (/^\p{Lu}[\p{L}]*(-\p{Lu}[\p{L}]*)+$/u.test(word) || isLongHyphen(word));
}

/** `x-request-id`, against `up-to-date`. */
function isLongHyphen(word: string): boolean {
  return /^x-/i.test(word);
}

/** The terms by which a passage can be found, in lower case: by their looks, and words of code. */
export function exactTermsOf(text: string): readonly string[] {
  const terms = new Set<string>();
  const add = (word: string): void => {
    const term = word.replace(edges, "").toLowerCase();
    if (term.length >= 2 && term.length <= termLengthMax && terms.size < termsMax) terms.add(term);
  };
  for (const word of wordsOf(text)) if (looksExact(word)) add(word);
  for (const [, code = ""] of text.matchAll(codeSpan)) {
    add(code);
    for (const word of wordsOf(code)) if (word.length >= 3) add(word);
  }
  return [...terms];
}

/** The terms that a question means to the letter: by their looks, or because it quotes them. */
export function exactTermsAsked(query: string): readonly string[] {
  const terms = new Set<string>();
  const add = (word: string): void => {
    const term = word.replace(edges, "").toLowerCase();
    if (term.length >= 2 && term.length <= termLengthMax && terms.size < 16) terms.add(term);
  };
  for (const [, code = ""] of query.matchAll(codeSpan)) add(code);
  for (const [, words = ""] of query.matchAll(quoted)) add(words);
  for (const word of wordsOf(query.replace(codeSpan, " "))) if (looksExact(word)) add(word);
  return [...terms];
}

function wordsOf(text: string): readonly string[] {
  return text
    .split(/[\s|,;()[\]{}<>"“”„«»`]+/u)
    .filter((word) => word.length <= wordLengthMax)
    .map((word) => word.replace(edges, ""))
    .filter((word) => word !== "");
}
