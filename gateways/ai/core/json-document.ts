/** What a value is; the numbers of the tape. */
export const jsonKind = {
  object: 1,
  array: 2,
  string: 3,
  number: 4,
  true: 5,
  false: 6,
  null: 7,
} as const;

/**
 * Integers an entry of the tape takes: kind, start, end, key start, key end, next sibling. The end
 * of a key with escapes is negative.
 */
export const entrySize = 6;

/** No such value. */
export const nowhere = -1;

/** Bytes of JSON with the places of its upper values. A value is named by its index in the tape. */
export class JsonDocument {
  readonly bytes: Buffer;
  readonly #tape: Int32Array;
  /** Where this document's entries begin on the tape. */
  readonly #base: number;

  constructor(bytes: Buffer, tape: Int32Array, base: number) {
    this.bytes = bytes;
    this.#tape = tape;
    this.#base = base;
  }

  #at(value: number, field: number): number {
    return this.#tape[this.#base + value + field] ?? 0;
  }

  /** The same document with a tape of its own, for one that is kept for long. */
  compact(): JsonDocument {
    const end = this.#base + this.#at(this.root, 5);
    return new JsonDocument(this.bytes, this.#tape.slice(this.#base, end), 0);
  }

  get root(): number {
    return 0;
  }

  kind(value: number): number {
    return this.#at(value, 0);
  }

  /** Offset of the value's first byte. */
  start(value: number): number {
    return this.#at(value, 1);
  }

  /** Offset behind the value's last byte. */
  end(value: number): number {
    return this.#at(value, 2);
  }

  /** Offset of the opening quote of a member's key. */
  keyStart(member: number): number {
    return this.#at(member, 3) - 1;
  }

  /** Offset behind the closing quote of a member's key. */
  keyEnd(member: number): number {
    return Math.abs(this.#at(member, 4)) + 1;
  }

  /** The first member or element, or `nowhere`; also for what was not recorded. */
  firstChild(value: number): number {
    const child = value + entrySize;
    return child < this.#at(value, 5) ? child : nowhere;
  }

  /** The next member or element of `parent` after `child`, or `nowhere`. */
  nextChild(parent: number, child: number): number {
    const next = this.#at(child, 5);
    return next < this.#at(parent, 5) ? next : nowhere;
  }

  /** The member of this name (plain ASCII), or `nowhere`. Keys with escapes are found as well. */
  member(object: number, name: string): number {
    for (
      let member = this.firstChild(object);
      member !== nowhere;
      member = this.nextChild(object, member)
    ) {
      if (this.keyIs(member, name)) return member;
    }
    return nowhere;
  }

  keyIs(member: number, name: string): boolean {
    const start = this.#at(member, 3);
    const end = this.#at(member, 4);
    if (end < 0) return this.key(member) === name;
    const length = end - start;
    if (length !== name.length) return false;
    for (let index = 0; index < length; index += 1) {
      if (this.bytes[start + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  key(member: number): string {
    const end = Math.abs(this.#at(member, 4));
    return decodeJsonString(this.bytes, this.#at(member, 3), end);
  }

  /** The text of a string value. */
  text(value: number): string {
    return decodeJsonString(this.bytes, this.start(value) + 1, this.end(value) - 1);
  }

  /** True when a string value is these characters, which are plain ASCII. */
  textIs(value: number, text: string): boolean {
    const start = this.start(value) + 1;
    if (this.end(value) - 1 - start !== text.length) return false;
    for (let index = 0; index < text.length; index += 1) {
      if (this.bytes[start + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  /** The value of a number, which may be infinite. */
  number(value: number): number {
    return Number(this.raw(value));
  }

  /** The value as it is written. */
  raw(value: number): string {
    return this.bytes.toString("utf8", this.start(value), this.end(value));
  }

  /** The value as `JSON.parse` gives it. For small ones. */
  parse(value: number): unknown {
    return JSON.parse(this.raw(value));
  }
}

/** The text between the quotes at these offsets. */
export function decodeJsonString(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === 0x5c) return JSON.parse(`"${bytes.toString("utf8", start, end)}"`) as string;
  }
  return bytes.toString("utf8", start, end);
}
