/**
 * Reads HTTP/1.1 responses from one kept-alive connection with as little work as can be: the load
 * generator must be cheaper than what it measures. It trusts the server, and is used here only.
 */
export interface ResponseListener {
  /** `isLast`: the server will not take another request on this connection. */
  onHead(status: number, isLast: boolean): void;
  /** Bytes of the body, chunk framing removed; valid during the call only. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

const headEnd = Buffer.from("\r\n\r\n");
const zero = 0x30;
const nothing: Buffer = Buffer.alloc(0);

/** States: head → length, or size ⇄ chunk → trailer; then head again. */
type State = "head" | "length" | "size" | "chunk" | "trailer";

export class ResponseReader {
  readonly #listener: ResponseListener;
  #state: State = "head";
  /** Bytes that did not suffice for a step. */
  #held: Buffer = nothing;
  /** Of the body or chunk under way. */
  #bytesLeft = 0;

  constructor(listener: ResponseListener) {
    this.#listener = listener;
  }

  /** Takes what the socket gave. Throws on what is not a response. */
  push(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = nothing;
    while (bytes.length > 0) {
      const used = this.#step(bytes);
      if (used < 0) {
        this.#held = Buffer.from(bytes);
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** How many bytes were used; -1 when there are too few. */
  #step(bytes: Buffer): number {
    if (this.#state === "head") return this.#readHead(bytes);
    if (this.#state === "length") return this.#readBody(bytes);
    if (this.#state !== "chunk") return this.#readLine(bytes);
    return this.#bytesLeft === 0 && bytes.length < 2 ? -1 : this.#readBody(bytes);
  }

  #readHead(bytes: Buffer): number {
    const position = bytes.indexOf(headEnd);
    if (position < 0) return -1;
    const head = bytes.toString("latin1", 0, position + 2);
    const digit = (index: number): number => bytes.readUInt8(index) - zero;
    const isLast = /\r\nconnection: *close/i.test(head);
    this.#listener.onHead(digit(9) * 100 + digit(10) * 10 + digit(11), isLast);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#bytesLeft = Number(length);
      this.#state = "length";
      if (this.#bytesLeft === 0) this.#end();
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#state = "size";
    } else {
      throw new Error(`cannot tell where this response ends:\n${head}`);
    }
    return position + headEnd.length;
  }

  #readBody(bytes: Buffer): number {
    const part = Math.min(this.#bytesLeft, bytes.length);
    if (part > 0) this.#listener.onBody(part === bytes.length ? bytes : bytes.subarray(0, part));
    this.#bytesLeft -= part;
    if (this.#bytesLeft > 0) return part;
    if (this.#state === "length") {
      this.#end();
      return part;
    }
    // The line end after the chunk is read with it, so that it needs no state of its own.
    if (bytes.length < part + 2) return part;
    this.#state = "size";
    return part + 2;
  }

  #readLine(bytes: Buffer): number {
    const lineEnd = bytes.indexOf("\r\n");
    if (lineEnd < 0) return -1;
    if (this.#state === "trailer") {
      if (lineEnd === 0) this.#end();
      return lineEnd + 2;
    }
    this.#bytesLeft = Number.parseInt(bytes.toString("latin1", 0, lineEnd), 16);
    this.#state = this.#bytesLeft === 0 ? "trailer" : "chunk";
    return lineEnd + 2;
  }

  #end(): void {
    this.#state = "head";
    this.#listener.onEnd();
  }
}
