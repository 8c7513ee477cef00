import {
  type EncodedFields,
  type Exchange,
  encodeFields,
  type HeaderFields,
  httpFaults,
  type RequestHead,
} from "@tandem/libs/http";
import { Fields } from "./fields.ts";

/** What an exchange tells its connection. */
export interface AnswerSink {
  head(status: number, fields: Fields, contentLength: number | undefined): void;
  chunk(bytes: Buffer): boolean;
  end(): void;
  cut(): void;
  onDrain(run: () => void): void;
}

/** The server's side of one request; states as in `contract.ts`. */
export class SimulatedExchange implements Exchange {
  readonly head: RequestHead;
  readonly remoteAddress: string;
  readonly protocol = "http/1.1";
  readonly #sink: AnswerSink;
  #state: "reading" | "answering" | "over" = "reading";
  #hasAborted: boolean = false;
  #isBodyWhole: boolean = false;
  #body: Buffer[] = [];
  #reader: { onChunk(chunk: Buffer): void; onEnd(): void } | undefined;
  #aborts: (() => void)[] = [];
  #finishes: (() => void)[] = [];
  #leftBytes: number | undefined;

  constructor(
    head: RequestHead,
    given: { readonly sink: AnswerSink; readonly remoteAddress: string },
  ) {
    this.head = head;
    this.#sink = given.sink;
    this.remoteAddress = given.remoteAddress;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The connection brings a piece of the body, or its end. */
  feed(chunk: Buffer | undefined): void {
    if (this.#hasAborted) return;
    if (chunk === undefined) this.#isBodyWhole = true;
    else this.#body.push(chunk);
    this.#flush();
  }

  /** The peer has gone. */
  abort(): void {
    if (this.#hasAborted || this.#state === "over") return;
    this.#hasAborted = true;
    this.#state = "over";
    for (const run of this.#aborts.splice(0)) run();
    this.#finish();
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      this.onAbort(() => reject(httpFaults.client_left()));
      this.streamBody({
        onChunk: (chunk) => {
          bytes += chunk.length;
          if (bytes > limitBytes) reject(httpFaults.body_too_large());
          else chunks.push(chunk);
        },
        onEnd: () => resolve(Buffer.concat(chunks)),
      });
    });
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    this.#reader = handlers;
    this.#flush();
  }

  #flush(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    for (const chunk of this.#body.splice(0)) reader.onChunk(chunk);
    if (!this.#isBodyWhole) return;
    this.#reader = undefined;
    reader.onEnd();
  }

  letBodyLinger(): void {}
  pauseBody(): void {}
  resumeBody(): void {}

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "reading") return;
    const bytes = Buffer.from(body);
    this.startStream(status, headers, { contentLength: bytes.length });
    if (bytes.length > 0) this.write(bytes);
    this.end();
  }

  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    { contentLength }: { readonly contentLength?: number | undefined } = {},
  ): void {
    if (this.#state !== "reading") return;
    this.#state = "answering";
    this.#leftBytes = contentLength;
    this.#sink.head(status, new Fields(headers), contentLength);
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state !== "answering") return true;
    // Whoever writes may use its buffer again.
    const bytes = Buffer.from(chunk);
    if (this.#leftBytes !== undefined) this.#leftBytes -= bytes.length;
    return bytes.length === 0 ? true : this.#sink.chunk(bytes);
  }

  onDrain(run: () => void): void {
    if (this.#state === "answering") this.#sink.onDrain(run);
  }

  end(): void {
    if (this.#state !== "answering") return;
    if (this.#leftBytes !== undefined && this.#leftBytes !== 0) {
      this.cut();
      return;
    }
    this.#state = "over";
    this.#sink.end();
    this.#finish();
  }

  cut(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#sink.cut();
    this.#finish();
  }

  onAbort(run: () => void): void {
    if (this.#hasAborted) run();
    else this.#aborts.push(run);
  }

  onFinish(run: () => void): void {
    if (this.#state === "over") run();
    else this.#finishes.push(run);
  }

  #finish(): void {
    for (const run of this.#finishes.splice(0)) run();
  }
}

export const noFields = encodeFields([]);

/** `/path?query` in its parts. */
export function headOf(
  request: { readonly method: string; readonly target: string; readonly fields: Fields },
  contentLength: number | undefined,
): RequestHead {
  const { method, target, fields } = request;
  const at = target.indexOf("?");
  return {
    method,
    target,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    headers: fields,
    contentLength,
  };
}
