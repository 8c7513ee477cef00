import { COLON, CR, isTargetByte, isTokenByte, isValueByte, LF, SP, TAB } from "./characters.ts";
import type { Refusal } from "./faults.ts";
import { type FieldSpan, FramingFacts } from "./framing-facts.ts";

/** What `scan` answers when it cannot answer the index after the head. */
export const needsMore = -1;
export const isRefused = -2;

export interface HeadLimits {
  readonly headBytes: number;
  readonly fields: number;
  /** Requests only. */
  readonly targetBytes?: number;
}

/** RFC 9110, 9.1 and RFC 5789, without CONNECT and TRACE, which nothing here serves. */
const methods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
const methodBytesMax = 32;

/**
 * Finds and checks one head in bytes that may come in any pieces. Strict where RFC 9112 lets a
 * recipient be lenient: no bare LF, no folded lines, no blank before a colon, no control in a
 * value, one Host, one framing. States: first line → fields → done, or refused from any of them.
 *
 * All positions are relative to the head's first byte, so that they hold for the text made of it.
 */
export class HeadScanner {
  readonly #limits: HeadLimits;
  readonly #isRequest: boolean;
  readonly #span: FieldSpan = { nameStart: 0, nameEnd: 0, valueStart: 0, valueEnd: 0 };
  /** Where the next unread line begins. */
  #lineAt = 0;

  readonly facts = new FramingFacts();
  /** Kept from head to head, so that it grows only once. */
  readonly #scratch: number[] = [];
  #markCount = 0;
  refusal: Refusal = "bad_field";
  /** Of a request. */
  method = "";
  targetStart = 0;
  targetEnd = 0;
  /** Of a response. */
  status = 0;
  isHttp10 = false;

  constructor(kind: "request" | "response", limits: HeadLimits) {
    this.#isRequest = kind === "request";
    this.#limits = limits;
  }

  /** Four numbers a field: start and end of the name, start and end of the value. */
  takeMarks(): readonly number[] {
    return this.#scratch.slice(0, this.#markCount);
  }

  /** Before the next head. */
  reset(): void {
    this.#lineAt = 0;
    this.#markCount = 0;
    this.facts.reset();
    this.isHttp10 = false;
  }

  /**
   * Looks at `bytes[start, end)`, which begins with the head's first byte. Answers the index after
   * the head, `needsMore` or `isRefused`. Called again with more bytes it goes on where it stood.
   */
  scan(bytes: Buffer, start: number, end: number): number {
    if (this.#lineAt === 0) {
      const next = this.#isRequest
        ? this.#scanRequestLine(bytes, start, end)
        : this.#scanStatusLine(bytes, start, end);
      if (next < 0) return this.#checkSize(next, end - start);
      this.#lineAt = next - start;
    }
    for (;;) {
      const line = start + this.#lineAt;
      const next = this.#scanField(bytes, start, end);
      if (next < 0) return this.#checkSize(next, end - start);
      this.#lineAt = next - start;
      if (this.#lineAt > this.#limits.headBytes) return this.#refuse("head_too_large");
      if (next === line + 2) return this.#checkWhole(next);
    }
  }

  #refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return isRefused;
  }

  #checkSize(result: number, seen: number): number {
    const isTooLarge = result === needsMore && seen >= this.#limits.headBytes;
    return isTooLarge ? this.#refuse("head_too_large") : result;
  }

  #checkWhole(next: number): number {
    const { facts } = this;
    if (facts.isChunked && (facts.contentLength >= 0 || this.isHttp10)) {
      return this.#refuse("bad_framing");
    }
    return this.#isRequest && facts.hosts !== 1 ? this.#refuse("bad_host") : next;
  }

  /** RFC 9112, 3: `method SP request-target SP HTTP/1.1 CRLF`; the target in origin form or "*". */
  #scanRequestLine(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && isTokenByte[bytes[at] as number] === 1) at += 1;
    if (at - start > methodBytesMax) return this.#refuse("bad_request_line");
    if (at === end) return needsMore;
    if (bytes[at] !== SP || at === start) return this.#refuse("bad_request_line");
    this.method = bytes.toString("latin1", start, at);
    if (!methods.has(this.method)) return this.#refuse("unsupported_method");
    at += 1;
    const targetStart = at;
    while (at < end && isTargetByte[bytes[at] as number] === 1) at += 1;
    if (at - targetStart > (this.#limits.targetBytes ?? 0)) return this.#refuse("target_too_long");
    if (at === end) return needsMore;
    if (bytes[at] !== SP || at === targetStart) return this.#refuse("bad_target");
    this.targetStart = targetStart - start;
    this.targetEnd = at - start;
    const isStar = bytes[targetStart] === 0x2a && at === targetStart + 1;
    if (bytes[targetStart] !== 0x2f && !(isStar && this.method === "OPTIONS")) {
      return this.#refuse("bad_target");
    }
    return this.#scanVersion(bytes, at + 1, end);
  }

  #scanVersion(bytes: Buffer, at: number, end: number): number {
    const expected = "HTTP/1.1\r\n";
    for (let index = 0; index < expected.length; index += 1) {
      if (at + index === end) return needsMore;
      if (bytes[at + index] === expected.charCodeAt(index)) continue;
      const isVersion = index >= 5 && index <= 7;
      return this.#refuse(isVersion ? "unsupported_version" : "bad_request_line");
    }
    return at + expected.length;
  }

  /** RFC 9112, 4: `HTTP/1.1 SP 3DIGIT SP [reason] CRLF`; HTTP/1.0 too, as some upstreams send it. */
  #scanStatusLine(bytes: Buffer, start: number, end: number): number {
    const prefix = "HTTP/1.";
    for (let index = 0; index < prefix.length; index += 1) {
      if (start + index === end) return needsMore;
      if (bytes[start + index] !== prefix.charCodeAt(index))
        return this.#refuse("bad_request_line");
    }
    if (end - start < 13) return needsMore;
    const minor = bytes[start + 7];
    if (minor !== 0x30 && minor !== 0x31) return this.#refuse("unsupported_version");
    this.isHttp10 = minor === 0x30;
    let status = 0;
    for (let at = start + 9; at < start + 12; at += 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return this.#refuse("bad_request_line");
      status = status * 10 + digit;
    }
    this.status = status;
    let at = start + 12;
    if (bytes[start + 8] !== SP || status < 100 || (bytes[at] !== SP && bytes[at] !== CR)) {
      return this.#refuse("bad_request_line");
    }
    while (at < end && isValueByte[bytes[at] as number] === 1) at += 1;
    return this.#scanLineEnd(bytes, at, end);
  }

  #scanLineEnd(bytes: Buffer, at: number, end: number): number {
    if (at === end) return needsMore;
    if (bytes[at] !== CR) return this.#refuse("bad_field");
    if (at + 1 === end) return needsMore;
    return bytes[at + 1] === LF ? at + 2 : this.#refuse("bad_field");
  }

  /** One field line, or the empty line that ends the head. */
  #scanField(bytes: Buffer, start: number, end: number): number {
    const nameStart = start + this.#lineAt;
    let at = nameStart;
    while (at < end && isTokenByte[bytes[at] as number] === 1) at += 1;
    if (at === end) return needsMore;
    if (at === nameStart) return this.#scanLineEnd(bytes, at, end);
    if (bytes[at] !== COLON) return this.#refuse("bad_field");
    const nameEnd = at;
    at += 1;
    while (at < end && (bytes[at] === SP || bytes[at] === TAB)) at += 1;
    const valueStart = at;
    while (at < end && isValueByte[bytes[at] as number] === 1) at += 1;
    const next = this.#scanLineEnd(bytes, at, end);
    if (next < 0) return next;
    while (at > valueStart && (bytes[at - 1] === SP || bytes[at - 1] === TAB)) at -= 1;
    if (this.#markCount >= this.#limits.fields * 4) return this.#refuse("head_too_large");
    const scratch = this.#scratch;
    scratch[this.#markCount] = nameStart - start;
    scratch[this.#markCount + 1] = nameEnd - start;
    scratch[this.#markCount + 2] = valueStart - start;
    scratch[this.#markCount + 3] = at - start;
    this.#markCount += 4;
    const span = this.#span;
    span.nameStart = nameStart;
    span.nameEnd = nameEnd;
    span.valueStart = valueStart;
    span.valueEnd = at;
    const refusal = this.facts.note(bytes, span);
    return refusal === undefined ? next : this.#refuse(refusal);
  }
}
