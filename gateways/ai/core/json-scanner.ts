import { isUtf8 } from "node:buffer";
import { hasControlBytes } from "./control-bytes.ts";
import { hexUnit, skipDigits } from "./json-digits.ts";
import { decodeJsonString, entrySize, JsonDocument, jsonKind } from "./json-document.ts";

/** Deeper values are refused. */
const depthMax = 64;
/** More recorded values than this are refused; a chat of some 60,000 messages. */
const entriesMax = 1 << 18;
/** Entries of a slab, 64 KiB: what lives long takes its part out (`JsonDocument.compact`). */
const slabEntries = 2_730;
/** A string is walked byte by byte this far before the rest is searched for its end natively. */
const nearBytes = 128;
/** Up to this many keys are compared pairwise, more of them by a set. */
const pairwiseKeysMax = 16;

const quote = 0x22;
const backslash = 0x5c;

/** Why a body is refused; a clause that finishes "The body …". */
export interface JsonProblem {
  readonly problem: string;
  /** Offset in bytes of what is wrong. */
  readonly at: number;
}

/**
 * Reads I-JSON (RFC 7493) from bytes without building its values: one pass checks the grammar,
 * refuses duplicate keys at any depth, lone surrogates, invalid UTF-8 and a depth over 64, and
 * records where the values down to `recordDepth` are (the root is at depth 0). It accepts exactly
 * what `JSON.parse` accepts apart from those refusals; a fuzz test holds it to that. Documents
 * share slabs of tape, each its own part, so that a scan allocates nothing.
 */
class JsonScanner {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #recordDepth = 0;
  /** No byte below 0x20 anywhere: strings need no look at their insides. */
  #isClean: boolean = false;
  #nextBackslash = -1;
  #sawEscape: boolean = false;
  #tape = new Int32Array(slabEntries * entrySize);
  /** Where the document of this scan begins on the slab. */
  #tapeStart = 0;
  #tapeLength = 0;
  /** Keys of the objects now open: hash, start, end (quotes excluded); -end when escaped. */
  #keys = new Int32Array(1024);
  #keysLength = 0;
  #problem: JsonProblem | undefined;

  scan(bytes: Buffer, recordDepth: number): JsonDocument | JsonProblem {
    if (!isUtf8(bytes)) return { problem: "is not valid UTF-8", at: 0 };
    this.#bytes = bytes;
    this.#at = 0;
    this.#recordDepth = recordDepth;
    this.#isClean = !hasControlBytes(bytes);
    this.#nextBackslash = -1;
    this.#tapeStart = this.#tapeLength;
    this.#keysLength = 0;
    this.#problem = undefined;
    const isWhole = this.#value(0, 0, 0) && this.#endOfText();
    this.#bytes = emptyBytes;
    if (isWhole) return new JsonDocument(bytes, this.#tape, this.#tapeStart);
    this.#tapeLength = this.#tapeStart;
    return this.#problem ?? { problem: "is not valid JSON", at: this.#at };
  }

  #fail(problem: string, at: number): false {
    this.#problem ??= { problem, at };
    return false;
  }

  #endOfText(): boolean {
    this.#skipBlanks();
    if (this.#at === this.#bytes.length) return true;
    return this.#fail("goes on after the end of its JSON", this.#at);
  }

  #skipBlanks(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (;;) {
      const byte = bytes[at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at += 1;
    }
    this.#at = at;
  }

  /** Reads one value with the blanks before it. */
  #value(depth: number, keyStart: number, keyEnd: number): boolean {
    this.#skipBlanks();
    if (depth > depthMax) {
      return this.#fail(`is nested deeper than ${depthMax} levels`, this.#at);
    }
    let entry = -1;
    if (depth <= this.#recordDepth) {
      entry = this.#openEntry(keyStart, keyEnd);
      if (entry < 0) return false;
    }
    const start = this.#at;
    const kind = this.#valueBody(depth);
    if (kind === 0) return false;
    if (entry >= 0) {
      const tape = this.#tape;
      const place = this.#tapeStart + entry;
      tape[place] = kind;
      tape[place + 1] = start;
      tape[place + 2] = this.#at;
      tape[place + 5] = this.#tapeLength - this.#tapeStart;
    }
    return true;
  }

  /** A new entry, by its place within this document. */
  #openEntry(keyStart: number, keyEnd: number): number {
    if (this.#tapeLength + entrySize > this.#tape.length && !this.#moveToNewSlab()) return -1;
    const place = this.#tapeLength;
    this.#tape[place + 3] = keyStart;
    this.#tape[place + 4] = keyEnd;
    this.#tapeLength = place + entrySize;
    return place - this.#tapeStart;
  }

  /** A slab with room for this document, and what there is of it moved there. */
  #moveToNewSlab(): boolean {
    const used = this.#tapeLength - this.#tapeStart;
    if (used >= entriesMax * entrySize) {
      return this.#fail("holds too many values", this.#at);
    }
    const size = Math.min(Math.max(slabEntries, (used / entrySize) * 2), entriesMax) * entrySize;
    const slab = new Int32Array(size);
    slab.set(this.#tape.subarray(this.#tapeStart, this.#tapeLength));
    this.#tape = slab;
    this.#tapeStart = 0;
    this.#tapeLength = used;
    return true;
  }

  /** The kind of the value, or 0 when it is none. */
  #valueBody(depth: number): number {
    switch (this.#bytes[this.#at]) {
      case quote:
        return this.#string() ? jsonKind.string : 0;
      case 0x7b:
        return this.#object(depth) ? jsonKind.object : 0;
      case 0x5b:
        return this.#array(depth) ? jsonKind.array : 0;
      case 0x74:
        return this.#word("true") ? jsonKind.true : 0;
      case 0x66:
        return this.#word("false") ? jsonKind.false : 0;
      case 0x6e:
        return this.#word("null") ? jsonKind.null : 0;
      default:
        return this.#number() ? jsonKind.number : 0;
    }
  }

  #object(depth: number): boolean {
    const bytes = this.#bytes;
    const firstKey = this.#keysLength;
    this.#at += 1;
    this.#skipBlanks();
    if (bytes[this.#at] === 0x7d) {
      this.#at += 1;
      return true;
    }
    for (;;) {
      this.#skipBlanks();
      if (bytes[this.#at] !== quote) return this.#fail("is not valid JSON", this.#at);
      const keyStart = this.#at + 1;
      if (!this.#key()) return false;
      const keyEnd = this.#sawEscape ? 1 - this.#at : this.#at - 1;
      this.#skipBlanks();
      if (bytes[this.#at] !== 0x3a) return this.#fail("is not valid JSON", this.#at);
      this.#at += 1;
      if (!this.#value(depth + 1, keyStart, keyEnd)) return false;
      this.#skipBlanks();
      const byte = bytes[this.#at];
      if (byte === 0x2c) this.#at += 1;
      else if (byte === 0x7d) break;
      else return this.#fail("is not valid JSON", this.#at);
    }
    this.#at += 1;
    return this.#closeKeys(firstKey);
  }

  #array(depth: number): boolean {
    const bytes = this.#bytes;
    this.#at += 1;
    this.#skipBlanks();
    if (bytes[this.#at] === 0x5d) {
      this.#at += 1;
      return true;
    }
    for (;;) {
      if (!this.#value(depth + 1, 0, 0)) return false;
      this.#skipBlanks();
      const byte = bytes[this.#at];
      if (byte === 0x2c) this.#at += 1;
      else if (byte === 0x5d) break;
      else return this.#fail("is not valid JSON", this.#at);
    }
    this.#at += 1;
    return true;
  }

  /** Reads a key from its opening quote and remembers it for the search for duplicates. */
  #key(): boolean {
    const start = this.#at + 1;
    this.#sawEscape = false;
    if (!this.#string()) return false;
    const end = this.#at - 1;
    let hash = end - start;
    for (let at = start; at < end; at += 1) hash = (hash * 31 + (this.#bytes[at] ?? 0)) | 0;
    if (this.#keysLength + 3 > this.#keys.length) {
      const larger = new Int32Array(this.#keys.length * 2);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    this.#keys[this.#keysLength] = hash;
    this.#keys[this.#keysLength + 1] = start;
    this.#keys[this.#keysLength + 2] = this.#sawEscape ? -end : end;
    this.#keysLength += 3;
    return true;
  }

  /** Refuses an object in which a key stands twice, and forgets its keys. */
  #closeKeys(first: number): boolean {
    const keys = this.#keys;
    const last = this.#keysLength;
    this.#keysLength = first;
    let needsSet = last - first > pairwiseKeysMax * 3;
    for (let key = first; key < last; key += 3) if ((keys[key + 2] ?? 0) < 0) needsSet = true;
    if (needsSet) return this.#checkKeysBySet(first, last);
    for (let one = first; one < last; one += 3) {
      for (let other = one + 3; other < last; other += 3) {
        if (keys[one] === keys[other] && this.#isSameKey(one, other)) {
          return this.#failDuplicate(keys[other + 1] ?? 0, keys[other + 2] ?? 0);
        }
      }
    }
    return true;
  }

  #isSameKey(one: number, other: number): boolean {
    const bytes = this.#bytes;
    const start = this.#keys[one + 1] ?? 0;
    const length = (this.#keys[one + 2] ?? 0) - start;
    const otherStart = this.#keys[other + 1] ?? 0;
    if ((this.#keys[other + 2] ?? 0) - otherStart !== length) return false;
    for (let offset = 0; offset < length; offset += 1) {
      if (bytes[start + offset] !== bytes[otherStart + offset]) return false;
    }
    return true;
  }

  #checkKeysBySet(first: number, last: number): boolean {
    const seen = new Set<string>();
    for (let key = first; key < last; key += 3) {
      const start = this.#keys[key + 1] ?? 0;
      const end = Math.abs(this.#keys[key + 2] ?? 0);
      const text = decodeJsonString(this.#bytes, start, end);
      if (seen.has(text)) return this.#failDuplicate(start, end);
      seen.add(text);
    }
    return true;
  }

  #failDuplicate(start: number, end: number): false {
    const text = this.#bytes.toString("utf8", start, Math.min(Math.abs(end), start + 40));
    return this.#fail(`names the key "${text}" twice in one object`, start);
  }

  /** Reads a string from its opening quote to behind its closing one. */
  #string(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + 1;
    for (;;) {
      const near = Math.min(at + nearBytes, bytes.length);
      while (at < near && isPlain[bytes[at] ?? 0] === 1) at += 1;
      if (at === near && at < bytes.length) {
        at = this.#farInString(at, start);
        if (at < 0) return false;
      }
      const byte = bytes[at];
      if (byte === quote) {
        this.#at = at + 1;
        return true;
      }
      if (byte === undefined) return this.#fail("ends in the middle of a string", start);
      if (byte !== backslash) {
        return this.#fail("holds a bare control character in a string", at);
      }
      this.#sawEscape = true;
      at = this.#escape(at);
      if (at < 0) return false;
    }
  }

  /** The next quote or backslash, from `at` on. */
  #farInString(at: number, start: number): number {
    const bytes = this.#bytes;
    const end = bytes.indexOf(quote, at);
    if (end === -1) {
      this.#fail("ends in the middle of a string", start);
      return -1;
    }
    if (this.#nextBackslash < at) {
      const found = bytes.indexOf(backslash, at);
      this.#nextBackslash = found === -1 ? bytes.length : found;
    }
    const stop = Math.min(end, this.#nextBackslash);
    if (!this.#isClean) {
      for (let index = at; index < stop; index += 1) {
        if ((bytes[index] ?? 0) < 0x20) {
          this.#fail("holds a bare control character in a string", index);
          return -1;
        }
      }
    }
    return stop;
  }

  /** Behind the escape that begins at `at`, or -1. */
  #escape(at: number): number {
    switch (this.#bytes[at + 1]) {
      case quote:
      case backslash:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        return at + 2;
      case 0x75:
        return this.#unicodeEscape(at);
      default:
        this.#fail("holds an unknown escape in a string", at);
        return -1;
    }
  }

  #unicodeEscape(at: number): number {
    const unit = hexUnit(this.#bytes, at + 2);
    if (unit < 0) {
      this.#fail("holds a broken \\u escape in a string", at);
      return -1;
    }
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    const isPair =
      unit < 0xdc00 &&
      this.#bytes[at + 6] === backslash &&
      this.#bytes[at + 7] === 0x75 &&
      hexUnit(this.#bytes, at + 8) >= 0xdc00 &&
      hexUnit(this.#bytes, at + 8) <= 0xdfff;
    if (isPair) return at + 12;
    this.#fail("holds half of a surrogate pair in a string", at);
    return -1;
  }

  #word(word: string): boolean {
    for (let index = 0; index < word.length; index += 1) {
      if (this.#bytes[this.#at + index] !== word.charCodeAt(index)) {
        return this.#fail("is not valid JSON", this.#at);
      }
    }
    this.#at += word.length;
    return true;
  }

  #number(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    if (bytes[at] === 0x2d) at += 1;
    const whole = skipDigits(bytes, at);
    if (whole === at || (bytes[at] === 0x30 && whole > at + 1)) {
      return this.#fail("is not valid JSON", start);
    }
    at = whole;
    if (bytes[at] === 0x2e) {
      const fraction = skipDigits(bytes, at + 1);
      if (fraction === at + 1) return this.#fail("is not valid JSON", start);
      at = fraction;
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at += 1;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at += 1;
      const exponent = skipDigits(bytes, at);
      if (exponent === at) return this.#fail("is not valid JSON", start);
      at = exponent;
    }
    this.#at = at;
    return true;
  }
}

/** 1 for bytes that may stand in a string as they are. */
const isPlain = new Uint8Array(256).fill(1, 0x20);
isPlain[quote] = 0;
isPlain[backslash] = 0;

const emptyBytes = Buffer.alloc(0);

const scanner = new JsonScanner();

/** See `JsonScanner`. Values deeper than `recordDepth` are checked, but not to be found later. */
export function scanJson(bytes: Buffer, recordDepth: number): JsonDocument | JsonProblem {
  return scanner.scan(bytes, recordDepth);
}
