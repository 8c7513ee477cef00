/**
 * The pure heart of the mock engine: what the answer to a prompt is. The token at position i is a
 * function of (hash of the prompt, i) and of nothing else, so a test knows the whole answer before
 * it asks, and a continuation from any prefix can be compared byte for byte.
 */
import { hashText, mixBits } from "../seeded-random.ts";

/** Words of one to four UTF-8 bytes a character, so that a cut lands inside characters too. */
const vocabulary = (
  "river stone quiet amber signal fold café naïve größe mañana 你好 日本語 Москва 🙂 🚲 two riders " +
  "one machine either can pedal light over water under glass north copper seven lanterns drift " +
  "and the of to in a is it was for on are as with his they at be this from have or by hot but " +
  "some what there we out other were all your when up use word how said each she which do their"
).split(" ");

/** Token `index` of the answer to the prompt with this hash; the first one has no leading blank. */
export function tokenAt(promptHash: number, index: number): string {
  const choice = mixBits(promptHash ^ mixBits(index + 1)) % vocabulary.length;
  return (index === 0 ? "" : " ") + (vocabulary[choice] ?? "");
}

/** The first `count` tokens of the answer. */
export function referenceTokens(promptHash: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => tokenAt(promptHash, index));
}

/** The same as one text. */
export function referenceText(promptHash: number, count: number): string {
  return referenceTokens(promptHash, count).join("");
}

/** The JSON document that the engine answers in JSON mode, in pieces of at most six characters. */
export function jsonPieces(promptHash: number, count: number): string[] {
  return textPieces(JSON.stringify({ answer: referenceText(promptHash, count) }), 6);
}

/** Splits a text into pieces of `length` characters, never inside a code point. */
export function textPieces(text: string, length: number): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let start = 0; start < characters.length; start += length) {
    pieces.push(characters.slice(start, start + length).join(""));
  }
  return pieces;
}

/**
 * What of `pieces` is still to say after `prefix`: the prefix's longest ending that is a beginning
 * of the text counts as said. So a prefix of the caller's own, then one that grew by what had been
 * delivered, lead through the same text; one that has nothing to do with it leads to its start.
 */
export function continueAfter(pieces: readonly string[], prefix: string): string[] {
  const text = pieces.join("");
  let said = 0;
  for (let start = 0; start < prefix.length; start += 1) {
    const ending = prefix.slice(start);
    if (ending.length <= text.length && text.startsWith(ending)) {
      said = ending.length;
      break;
    }
  }
  const rest: string[] = [];
  let position = 0;
  for (const piece of pieces) {
    const remaining = piece.slice(Math.max(0, said - position));
    if (remaining !== "") rest.push(remaining);
    position += piece.length;
  }
  return rest;
}

/** Pieces up to the first occurrence of a stop string, and whether there was one. */
export function stopAt(
  pieces: readonly string[],
  stops: readonly string[],
): { readonly pieces: string[]; readonly stopped: boolean } {
  const text = pieces.join("");
  const positions = stops
    .filter((stop) => stop !== "")
    .map((stop) => text.indexOf(stop))
    .filter((position) => position >= 0);
  if (positions.length === 0) return { pieces: [...pieces], stopped: false };
  let left = Math.min(...positions);
  const kept: string[] = [];
  for (const piece of pieces) {
    if (left <= 0) break;
    kept.push(piece.slice(0, left));
    left -= piece.length;
  }
  return { pieces: kept, stopped: true };
}

/** The engine's idea of how many tokens a text has: four characters each, at least one. */
export function countTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

/** Hash of what the model is asked: roles and texts in order, and nothing else of the request. */
export function promptHashOf(turns: readonly { role: string; text: string }[]): number {
  return hashText(turns.map((turn) => `${turn.role}\u0000${turn.text}\u0001`).join(""));
}
