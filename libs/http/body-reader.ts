import { COLON, CR, hexValueOf, isTokenByte, isValueByte, LF, lowerCaseOf } from "./characters.ts";

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Extensions and trailers of one body together, in bytes: what a peer may send beside the data. */
const overheadBytesMax = 8_192;
/** Eight digits: chunks of up to 4 GiB. */
const sizeDigitsMax = 8;

/** What comes too late in a trailer (RFC 9110, 6.5.1); somebody behind us might believe it. */
const framingFields = new Set(["content-length", "transfer-encoding", "host"]);

/** Takes `bytes[start, end)`, which are body. */
export type BodySink = (bytes: Buffer, start: number, end: number) => void;

/**
 * Takes the framing off one body, in pieces of any size. States by framing:
 * `length` counts down to done; `untilClose` never gets done by itself; `chunked` goes
 * size → extension… → sizeEnd → data → dataCr → dataLf → size …, and after the last chunk
 * trailerStart → trailerName → trailerValue → trailerLf …, lastLf → done. Anything else: refused.
 */
export class BodyReader {
  #state: State = "done";
  #remaining = 0;
  #sizeDigits = 0;
  #overhead = 0;
  #trailerName = "";

  get isDone(): boolean {
    return this.#state === "done";
  }

  get isRefused(): boolean {
    return this.#state === "refused";
  }

  get isUntilClose(): boolean {
    return this.#state === "untilClose";
  }

  /** Bytes of a body with a declared length that have not come yet; otherwise Infinity or 0. */
  get bytesOutstanding(): number {
    if (this.#state === "done") return 0;
    return this.#state === "length" ? this.#remaining : Number.POSITIVE_INFINITY;
  }

  startLength(bytes: number): void {
    this.#remaining = bytes;
    this.#state = bytes === 0 ? "done" : "length";
  }

  startChunked(): void {
    this.#startChunk();
    this.#overhead = 0;
  }

  startUntilClose(): void {
    this.#state = "untilClose";
  }

  /** Reads `bytes` from `from` on and answers where it stopped: at the end, done, or refused. */
  read(bytes: Buffer, from: number, sink: BodySink): number {
    const end = bytes.length;
    let at = from;
    while (at < end && this.#state !== "done" && this.#state !== "refused") {
      if (this.#state === "length" || this.#state === "data") {
        const stop = Math.min(end, at + this.#remaining);
        this.#remaining -= stop - at;
        if (this.#remaining === 0) this.#state = this.#state === "length" ? "done" : "dataCr";
        sink(bytes, at, stop);
        at = stop;
      } else if (this.#state === "untilClose") {
        sink(bytes, at, end);
        at = end;
      } else {
        this.#state = this.#step(this.#state, bytes[at] as number);
        at += 1;
      }
    }
    return at;
  }

  #startChunk(): State {
    this.#remaining = 0;
    this.#sizeDigits = 0;
    this.#state = "size";
    return "size";
  }

  /** One byte of chunk framing (RFC 9112, 7.1). */
  #step(state: FramingState, byte: number): State {
    switch (state) {
      case "size":
        return this.#stepSize(byte);
      case "extensionStart":
        return isTokenByte[byte] === 1 ? this.#counted("extensionName") : "refused";
      case "extensionName":
        if (byte === EQUALS) return this.#counted("extensionEquals");
        return this.#stepExtension(byte, "extensionName");
      case "extensionEquals":
        if (byte === QUOTE) return this.#counted("extensionQuoted");
        return isTokenByte[byte] === 1 ? this.#counted("extensionValue") : "refused";
      case "extensionValue":
        return this.#stepExtension(byte, "extensionValue");
      case "extensionQuoted":
        if (byte === QUOTE) return this.#counted("extensionEnd");
        if (byte === BACKSLASH || isValueByte[byte] === 0) return "refused";
        return this.#counted("extensionQuoted");
      case "extensionEnd":
        return isTokenByte[byte] === 1 ? "refused" : this.#stepExtension(byte, "extensionEnd");
      case "sizeEnd":
        if (byte !== LF) return "refused";
        return this.#remaining === 0 ? "trailerStart" : "data";
      case "dataCr":
        return byte === CR ? "dataLf" : "refused";
      case "dataLf":
        return byte === LF ? this.#startChunk() : "refused";
      case "trailerStart":
        this.#trailerName = "";
        return byte === CR ? "lastLf" : this.#stepTrailerName(byte);
      case "trailerName":
        if (byte !== COLON) return this.#stepTrailerName(byte);
        return framingFields.has(this.#trailerName) ? "refused" : this.#counted("trailerValue");
      case "trailerValue":
        if (byte === CR) return "trailerLf";
        return isValueByte[byte] === 1 ? this.#counted("trailerValue") : "refused";
      case "trailerLf":
        return byte === LF ? "trailerStart" : "refused";
      case "lastLf":
        return byte === LF ? "done" : "refused";
    }
  }

  #stepSize(byte: number): State {
    const digit = hexValueOf[byte] as number;
    if (digit < 16) {
      this.#sizeDigits += 1;
      this.#remaining = this.#remaining * 16 + digit;
      return this.#sizeDigits <= sizeDigitsMax ? "size" : "refused";
    }
    if (this.#sizeDigits === 0) return "refused";
    if (byte === CR) return "sizeEnd";
    return byte === SEMICOLON ? this.#counted("extensionStart") : "refused";
  }

  /** RFC 9112, 7.1.1: names and values are tokens; what may stand behind one ends the line too. */
  #stepExtension(byte: number, state: State): State {
    if (byte === CR) return "sizeEnd";
    if (byte === SEMICOLON) return this.#counted("extensionStart");
    return isTokenByte[byte] === 1 ? this.#counted(state) : "refused";
  }

  #stepTrailerName(byte: number): State {
    if (isTokenByte[byte] === 0) return "refused";
    this.#trailerName += String.fromCharCode(lowerCaseOf[byte] as number);
    return this.#counted("trailerName");
  }

  #counted(state: State): State {
    this.#overhead += 1;
    return this.#overhead > overheadBytesMax ? "refused" : state;
  }
}

type FramingState =
  | "size"
  | "extensionStart"
  | "extensionName"
  | "extensionEquals"
  | "extensionValue"
  | "extensionQuoted"
  | "extensionEnd"
  | "sizeEnd"
  | "dataCr"
  | "dataLf"
  | "trailerStart"
  | "trailerName"
  | "trailerValue"
  | "trailerLf"
  | "lastLf";

type State = "length" | "untilClose" | "data" | "done" | "refused" | FramingState;
