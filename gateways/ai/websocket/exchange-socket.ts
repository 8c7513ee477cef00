import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { type Exchange, encodeFields } from "@tandem/libs/http";

const headEnd = "\r\n\r\n";

/**
 * An exchange whose body and answer are a WebSocket's bytes, as the socket that `ws` wants. What
 * `ws` writes first is the answer to the handshake, which becomes the exchange's head; frames
 * follow. When the client says no more, the reading side ends, as a socket's does.
 */
export class ExchangeSocket extends Duplex {
  readonly #exchange: Exchange;
  #hasHead: boolean = false;
  /** Runs when the client says no more, while it can still be told something. */
  onInputEnd: (() => void) | undefined;

  constructor(exchange: Exchange) {
    super({ allowHalfOpen: true });
    this.#exchange = exchange;
    exchange.letBodyLinger();
    exchange.streamBody({
      onChunk: (chunk) => {
        if (!this.push(chunk)) exchange.pauseBody();
      },
      onEnd: () => {
        this.onInputEnd?.();
        this.push(null);
      },
    });
    exchange.onAbort(() => this.destroy());
  }

  /** `ws` asks for these of a TCP socket; here they are the router's business. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  override _read(): void {
    this.#exchange.resumeBody();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#hasHead) {
      this.#hasHead = true;
      this.#answerHandshake(chunk.toString("latin1"));
      done();
    } else if (this.#exchange.write(chunk)) done();
    else this.#exchange.onDrain(done);
  }

  /**
   * A whole frame, past the stream's own queue: that costs as much again as the write itself. What
   * `ws` has queued keeps its place, since it writes a frame's head and its rest one by one. False
   * when the client is slow: wait for `onRoom`.
   */
  sendFrame(frame: Buffer): boolean {
    return this.writableLength > 0 ? this.write(frame) : this.#exchange.write(frame);
  }

  /** Once; at once when there is room. */
  onRoom(run: () => void): void {
    if (this.writableNeedDrain) this.once("drain", run);
    else this.#exchange.onDrain(run);
  }

  /** Once all is written, whatever the client still says. */
  hangUp(): void {
    this.end(() => this.destroy());
  }

  override _final(done: () => void): void {
    this.#exchange.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Does nothing where the answer has ended as it should.
    this.#exchange.cut();
    done(error);
  }

  #answerHandshake(text: string): void {
    const at = text.indexOf(headEnd);
    const [statusLine = "", ...lines] = text.slice(0, at).split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    const fields = lines
      .map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      })
      .filter(([name]) => !/^(connection|upgrade|content-length)$/.test(name));
    if (status === 101) this.#exchange.startStream(200, encodeFields(fields));
    else this.#exchange.respond(status, fields, text.slice(at + headEnd.length));
  }
}

/** What `ws` looks at of a request: the router has passed on all that is not of its own hop. */
export function handshakeOf({ head }: Exchange): IncomingMessage {
  const headers = { ...Object.fromEntries(head.headers.entries()), upgrade: "websocket" };
  return { method: head.method, url: head.target, headers } as unknown as IncomingMessage;
}
