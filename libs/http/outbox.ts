import type { Socket } from "node:net";
import { highWaterBytes } from "./limits.ts";

/** Up to here head and pieces are copied together; above, they are handed over one by one. */
const mergeBytesMax = 32_768;
const lastChunk = "0\r\n\r\n";

/**
 * What one message puts on the wire. Writes of the same turn of the event loop leave as one, since
 * each system call costs more than everything else about a chunk; in chunked framing they become
 * one chunk. States: empty → filling → (flushed at the end of the turn) empty …
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #flushDue: () => void;
  #head = "";
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #isChunked = false;
  #isLast = false;
  #isScheduled = false;
  #drainHandlers: (() => void)[] = [];
  /** Somebody was told to wait. */
  #owesDrain = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#flushDue = () => {
      this.#isScheduled = false;
      this.flush();
    };
  }

  /** Bytes that wait for the peer to read. */
  get waitingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** Head and body of a whole message in one write. */
  writeWhole(head: string, body: Buffer | string): void {
    this.flush();
    if (typeof body === "string") {
      const bytes = Buffer.byteLength(body);
      const message = Buffer.allocUnsafe(head.length + bytes);
      message.write(head, "latin1");
      message.write(body, head.length);
      this.#socket.write(message);
    } else if (body.length === 0) {
      this.#socket.write(head, "latin1");
    } else if (head.length + body.length <= mergeBytesMax) {
      const message = Buffer.allocUnsafe(head.length + body.length);
      message.write(head, "latin1");
      message.set(body, head.length);
      this.#socket.write(message);
    } else {
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      this.#socket.write(body);
      this.#socket.uncork();
    }
  }

  /** The head of a message whose body follows; leaves with the first piece of the same turn. */
  begin(head: string, { isChunked }: { isChunked: boolean }): void {
    this.flush();
    this.#head = head;
    this.#isChunked = isChunked;
    this.#schedule();
  }

  /** False when the peer is slow. */
  add(piece: Buffer): boolean {
    if (piece.length > 0) {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#schedule();
    }
    if (this.waitingBytes < highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  /** The end of the message, in the same write as what still waits. */
  finish(): void {
    this.#isLast = this.#isChunked;
    this.flush();
  }

  /** Once, when the peer has caught up; at once when it is not behind. */
  onDrain(run: () => void): void {
    if (this.#owesDrain) this.#drainHandlers.push(run);
    else run();
  }

  /** The socket said `drain`. */
  drained(): void {
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    const handlers = this.#drainHandlers;
    this.#drainHandlers = [];
    for (const run of handlers) run();
  }

  /** Drops what was not flushed, and everybody who waits. */
  discard(): void {
    this.#head = "";
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#isLast = false;
    this.#drainHandlers = [];
    this.#owesDrain = false;
  }

  flush(): void {
    if (this.#head === "" && this.#bytes === 0 && !this.#isLast) return;
    const isRoomy = this.#put(this.#textBefore(), this.#textAfter());
    this.#head = "";
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#isLast = false;
    if (isRoomy && this.#owesDrain) this.drained();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flushDue);
  }

  #textBefore(): string {
    if (!this.#isChunked || this.#bytes === 0) return this.#head;
    return `${this.#head}${this.#bytes.toString(16)}\r\n`;
  }

  #textAfter(): string {
    if (!this.#isChunked) return "";
    const end = this.#bytes === 0 ? "" : "\r\n";
    return this.#isLast ? end + lastChunk : end;
  }

  /** False when the socket's own buffer is full. */
  #put(before: string, after: string): boolean {
    const socket = this.#socket;
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    if (bytes === 0) return socket.write(before + after, "latin1");
    if (bytes > mergeBytesMax) {
      socket.cork();
      if (before !== "") socket.write(before, "latin1");
      for (const piece of pieces) socket.write(piece);
      if (after !== "") socket.write(after, "latin1");
      socket.uncork();
      return !socket.writableNeedDrain;
    }
    const [first] = pieces;
    if (pieces.length === 1 && before === "" && after === "" && first !== undefined) {
      return socket.write(first);
    }
    const message = Buffer.allocUnsafe(before.length + bytes + after.length);
    let at = before === "" ? 0 : message.write(before, "latin1");
    for (const piece of pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    if (after !== "") message.write(after, at, "latin1");
    return socket.write(message);
  }
}
