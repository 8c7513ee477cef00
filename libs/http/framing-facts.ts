import { CR, hexValueOf, isHostByte, lowerCaseOf, SP, TAB } from "./characters.ts";
import type { Refusal } from "./faults.ts";

/** 15 digits stay below 2^53. */
const lengthDigitsMax = 15;

/** Where one field lies in the bytes being read. */
export interface FieldSpan {
  nameStart: number;
  nameEnd: number;
  valueStart: number;
  valueEnd: number;
}

interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** True when the bytes from `start` to `end` are `text` (lower case), whatever their case. */
function equals(bytes: Buffer, { start, end }: TextSpan, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (lowerCaseOf[bytes[start + index] as number] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function nameIs(bytes: Buffer, span: FieldSpan, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (lowerCaseOf[bytes[span.nameStart + index] as number] !== name.charCodeAt(index))
      return false;
  }
  return true;
}

/**
 * What the fields of a head say about framing and the connection: the part of HTTP in which two
 * readers must never differ. Ambiguity is refused, not resolved (RFC 9112, 6.3 and 11.2).
 */
export class FramingFacts {
  /** -1: no Content-Length. */
  contentLength = -1;
  isChunked = false;
  hosts = 0;
  /** What `connection` says. */
  closes = false;
  keepsAlive = false;
  upgrades = false;
  /** `expect: 100-continue`. */
  awaitsContinue = false;

  reset(): void {
    this.contentLength = -1;
    this.isChunked = false;
    this.hosts = 0;
    this.closes = false;
    this.keepsAlive = false;
    this.upgrades = false;
    this.awaitsContinue = false;
  }

  /** Takes one field in. Answers why the message has to be refused, or undefined. */
  note(bytes: Buffer, span: FieldSpan): Refusal | undefined {
    switch (span.nameEnd - span.nameStart) {
      case 4:
        return nameIs(bytes, span, "host") ? this.#noteHost(bytes, span) : undefined;
      case 6:
        return nameIs(bytes, span, "expect") ? this.#noteExpect(bytes, span) : undefined;
      case 7:
        if (nameIs(bytes, span, "upgrade")) this.upgrades = true;
        return undefined;
      case 10:
        if (nameIs(bytes, span, "connection")) this.#noteConnection(bytes, span);
        return undefined;
      case 14:
        return nameIs(bytes, span, "content-length") ? this.#noteLength(bytes, span) : undefined;
      case 17:
        return nameIs(bytes, span, "transfer-encoding") ? this.#noteCoding(bytes, span) : undefined;
      default:
        return undefined;
    }
  }

  #noteHost(bytes: Buffer, { valueStart, valueEnd }: FieldSpan): Refusal | undefined {
    this.hosts += 1;
    if (this.hosts > 1 || valueEnd - valueStart > 255) return "bad_host";
    for (let at = valueStart; at < valueEnd; at += 1) {
      if (isHostByte[bytes[at] as number] === 0) return "bad_host";
    }
    return undefined;
  }

  #noteExpect(bytes: Buffer, { valueStart, valueEnd }: FieldSpan): Refusal | undefined {
    const isContinue = equals(bytes, { start: valueStart, end: valueEnd }, "100-continue");
    this.awaitsContinue = isContinue;
    return isContinue ? undefined : "expectation_failed";
  }

  /**
   * Odd blanks around a framing value are how smuggled requests hide it from one of two readers:
   * only `name: value` and `name:value` pass.
   */
  #isOddlySpaced(bytes: Buffer, { nameEnd, valueStart, valueEnd }: FieldSpan): boolean {
    const isTight = valueStart <= nameEnd + 2 && bytes[valueStart - 1] !== TAB;
    return !isTight || bytes[valueEnd] !== CR;
  }

  /** 1*DIGIT, once. "5, 5" and a repeated field are refused although RFC 9112 lets one fold them. */
  #noteLength(bytes: Buffer, span: FieldSpan): Refusal | undefined {
    const { valueStart, valueEnd } = span;
    if (this.#isOddlySpaced(bytes, span)) return "bad_framing";
    const digits = valueEnd - valueStart;
    if (this.contentLength >= 0 || digits < 1 || digits > lengthDigitsMax) return "bad_framing";
    let length = 0;
    for (let at = valueStart; at < valueEnd; at += 1) {
      const digit = hexValueOf[bytes[at] as number] as number;
      if (digit > 9) return "bad_framing";
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return undefined;
  }

  #noteCoding(bytes: Buffer, span: FieldSpan): Refusal | undefined {
    const { valueStart, valueEnd } = span;
    if (this.isChunked || this.#isOddlySpaced(bytes, span)) return "bad_framing";
    if (!equals(bytes, { start: valueStart, end: valueEnd }, "chunked"))
      return "unsupported_coding";
    this.isChunked = true;
    return undefined;
  }

  #noteConnection(bytes: Buffer, { valueStart, valueEnd }: FieldSpan): void {
    let start = valueStart;
    for (let at = valueStart; at <= valueEnd; at += 1) {
      if (at < valueEnd && bytes[at] !== 0x2c) continue;
      let end = at;
      while (start < end && (bytes[start] === SP || bytes[start] === TAB)) start += 1;
      while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === TAB)) end -= 1;
      const token = { start, end };
      if (equals(bytes, token, "close")) this.closes = true;
      else if (equals(bytes, token, "keep-alive")) this.keepsAlive = true;
      start = at + 1;
    }
  }
}
