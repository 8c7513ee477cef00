import { lowerCaseOf } from "./characters.ts";
import type { HeaderList } from "./contract.ts";

/** Numbers a field in `marks`: start and end of its name, start and end of its value. */
const marksPerField = 4;

/** True when `text` holds `name` (lower case) at `from`, whatever the case in `text`. */
function holdsName(text: string, from: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (lowerCaseOf[text.charCodeAt(from + index)] !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** A set of field names, with prefixes, that is asked about ranges of a text. */
export class FieldNameSet {
  readonly #namesByLength: (string[] | undefined)[] = [];
  readonly #prefixes: readonly string[];

  constructor(names: Iterable<string>, prefixes: readonly string[] = []) {
    for (const name of names) {
      const lower = name.toLowerCase();
      const names = this.#namesByLength[lower.length];
      if (names === undefined) this.#namesByLength[lower.length] = [lower];
      else names.push(lower);
    }
    this.#prefixes = prefixes;
  }

  hasRange(text: string, start: number, end: number): boolean {
    const names = this.#namesByLength[end - start];
    if (names !== undefined) {
      for (const name of names) if (holdsName(text, start, name)) return true;
    }
    for (const prefix of this.#prefixes) {
      if (end - start >= prefix.length && holdsName(text, start, prefix)) return true;
    }
    return false;
  }

  has(name: string): boolean {
    return this.hasRange(name, 0, name.length);
  }
}

/**
 * The fields of one head as they lie in its text. They were checked once, when they were scanned;
 * names and values become strings of their own only when somebody asks for them.
 */
export class FieldBlock implements HeaderList {
  readonly #text: string;
  readonly #marks: readonly number[];

  constructor(text: string, marks: readonly number[]) {
    this.#text = text;
    this.#marks = marks;
  }

  get(name: string): string | undefined {
    const text = this.#text;
    const marks = this.#marks;
    let found: string | undefined;
    for (let at = 0; at < marks.length; at += marksPerField) {
      const nameStart = marks[at] as number;
      if ((marks[at + 1] as number) - nameStart !== name.length) continue;
      if (!holdsName(text, nameStart, name)) continue;
      const value = text.slice(marks[at + 2], marks[at + 3]);
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  entries(): (readonly [name: string, value: string])[] {
    const list: (readonly [string, string])[] = [];
    const marks = this.#marks;
    for (let at = 0; at < marks.length; at += marksPerField) {
      const name = this.#text.slice(marks[at], marks[at + 1]).toLowerCase();
      list.push([name, this.#text.slice(marks[at + 2], marks[at + 3])]);
    }
    return list;
  }

  /**
   * The fields that are in none of the sets, as lines that each end in CR LF. The same text as
   * writing them anew one by one, names' case apart; neighbours are copied in one piece.
   */
  linesWithout(dropped: FieldNameSet, nominated: FieldNameSet | undefined): string {
    const text = this.#text;
    const marks = this.#marks;
    let lines = "";
    let runStart = -1;
    let runEnd = -1;
    for (let at = 0; at < marks.length; at += marksPerField) {
      const nameStart = marks[at] as number;
      const nameEnd = marks[at + 1] as number;
      const valueStart = marks[at + 2] as number;
      const valueEnd = marks[at + 3] as number;
      if (dropped.hasRange(text, nameStart, nameEnd)) continue;
      if (nominated?.hasRange(text, nameStart, nameEnd)) continue;
      // "name: value" with one blank and nothing after it can be taken as it lies.
      const isPlain =
        valueStart === nameEnd + 2 &&
        text.charCodeAt(nameEnd + 1) === 0x20 &&
        text.charCodeAt(valueEnd) === 0x0d;
      if (isPlain && runEnd === nameStart) {
        runEnd = valueEnd + 2;
        continue;
      }
      if (runStart >= 0) lines += text.slice(runStart, runEnd);
      runStart = isPlain ? nameStart : -1;
      runEnd = isPlain ? valueEnd + 2 : -1;
      if (!isPlain) {
        lines += `${text.slice(nameStart, nameEnd)}: ${text.slice(valueStart, valueEnd)}\r\n`;
      }
    }
    return runStart >= 0 ? lines + text.slice(runStart, runEnd) : lines;
  }
}
