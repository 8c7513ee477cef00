import { assert } from "../kernel/index.ts";
import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "./contract.ts";
import { fieldLines } from "./encoded-fields.ts";
import { httpFaults } from "./faults.ts";
import type { Outbox } from "./outbox.ts";
import { isBodiless, statusLine } from "./status-line.ts";

/** What an exchange needs of the connection it came on. */
export interface ExchangePort {
  readonly outbox: Outbox;
  readonly remoteAddress: string;
  /** Asked when an answer's head is written: has the peer to be told that it is the last one? */
  closesAfterAnswer(): boolean;
  /** Body bytes may flow, or have to wait in the socket. */
  bodyFlowChanged(): void;
  sendContinue(): void;
  answered(): void;
  cutOff(): void;
}

/** Bytes of a body that are held while no handler has asked for them. */
const heldBytesMax = 65_536;

type AnswerState = "open" | "streaming" | "ended" | "cut";
type BodyHandlers = { onChunk(chunk: Buffer): void; onEnd(): void };

/** One request on a connection of the strict server. The connection calls the methods named `…ed`. */
export class ServerExchange implements Exchange {
  readonly head: RequestHead;
  readonly protocol = "http/1.1";
  readonly #port: ExchangePort;

  #answer: AnswerState = "open";
  #isBodiless = false;
  /** Of a stream with a declared length: bytes still owed; otherwise Infinity. */
  #bytesOwed = Number.POSITIVE_INFINITY;
  #abortHandlers: (() => void)[] = [];
  #finishHandlers: (() => void)[] = [];
  #wasAborted = false;

  #held: Buffer[] = [];
  #heldBytes = 0;
  #bodyIsComplete = false;
  #bodyHandlers: BodyHandlers | undefined;
  #isPaused = false;
  #awaitsContinue: boolean;

  constructor(
    head: RequestHead,
    { port, awaitsContinue }: { port: ExchangePort; awaitsContinue: boolean },
  ) {
    this.head = head;
    this.#port = port;
    this.#awaitsContinue = awaitsContinue;
  }

  get remoteAddress(): string {
    return this.#port.remoteAddress;
  }

  get isOver(): boolean {
    return this.#answer === "ended" || this.#answer === "cut";
  }

  get hasAnswerStarted(): boolean {
    return this.#answer !== "open";
  }

  /** False while nobody can take more of the body. */
  get acceptsBody(): boolean {
    if (this.#isPaused) return false;
    return this.isOver || this.#bodyHandlers !== undefined || this.#heldBytes < heldBytesMax;
  }

  bodyArrived(chunk: Buffer): void {
    if (this.isOver) return;
    if (this.#bodyHandlers === undefined || this.#isPaused) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
    } else {
      this.#bodyHandlers.onChunk(chunk);
    }
  }

  bodyEnded(): void {
    this.#bodyIsComplete = true;
    if (!this.#isPaused && this.#heldBytes === 0 && !this.isOver) this.#bodyHandlers?.onEnd();
  }

  /** The peer has gone, or broke the rules in its body. */
  aborted(): void {
    if (this.isOver) return;
    this.#answer = "cut";
    this.#wasAborted = true;
    for (const run of this.#abortHandlers.splice(0)) run();
    this.#finish();
  }

  readBody(limitBytes: number): Promise<Buffer> {
    if ((this.head.contentLength ?? 0) > limitBytes) {
      return Promise.reject(httpFaults.body_too_large());
    }
    if (this.#bodyIsComplete && this.#held.length === 1) {
      const [whole] = this.#held.splice(0);
      this.#heldBytes = 0;
      if (whole !== undefined && whole.length <= limitBytes) return Promise.resolve(whole);
      return Promise.reject(httpFaults.body_too_large());
    }
    return this.#collectBody(limitBytes);
  }

  #collectBody(limitBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      this.onAbort(() => reject(httpFaults.client_left()));
      this.streamBody({
        onChunk: (chunk) => {
          bytes += chunk.length;
          if (bytes <= limitBytes) chunks.push(chunk);
          else {
            chunks.length = 0;
            reject(httpFaults.body_too_large());
          }
        },
        onEnd: () => resolve(Buffer.concat(chunks)),
      });
    });
  }

  streamBody(handlers: BodyHandlers): void {
    assert(this.#bodyHandlers === undefined, "the body of an exchange can be taken only once");
    this.#bodyHandlers = handlers;
    if (this.#awaitsContinue && !this.#bodyIsComplete && !this.isOver) {
      this.#awaitsContinue = false;
      this.#port.sendContinue();
    }
    this.#deliverHeld();
  }

  pauseBody(): void {
    this.#isPaused = true;
    this.#port.bodyFlowChanged();
  }

  resumeBody(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliverHeld();
  }

  #deliverHeld(): void {
    const handlers = this.#bodyHandlers;
    while (handlers !== undefined && !this.#isPaused && !this.isOver) {
      const chunk = this.#held.shift();
      if (chunk === undefined) {
        if (this.#bodyIsComplete) handlers.onEnd();
        break;
      }
      this.#heldBytes -= chunk.length;
      handlers.onChunk(chunk);
    }
    this.#port.bodyFlowChanged();
  }

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#answer !== "open") return;
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const hasLength = status !== 204 && status !== 304;
    const framing = hasLength ? `content-length: ${length}\r\n` : "";
    const head = this.#headText(status, headers, framing);
    this.#port.outbox.writeWhole(head, isBodiless(status, this.head.method) ? "" : body);
    this.#endAnswer();
  }

  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    { contentLength }: { readonly contentLength?: number | undefined } = {},
  ): void {
    if (this.#answer !== "open") return;
    this.#answer = "streaming";
    this.#isBodiless = isBodiless(status, this.head.method);
    let framing = "transfer-encoding: chunked\r\n";
    if (contentLength !== undefined) framing = `content-length: ${contentLength}\r\n`;
    else if (this.#isBodiless) framing = "";
    if (contentLength !== undefined && !this.#isBodiless) this.#bytesOwed = contentLength;
    this.#port.outbox.begin(this.#headText(status, headers, framing), {
      isChunked: contentLength === undefined && !this.#isBodiless,
    });
  }

  #headText(status: number, headers: HeaderFields | EncodedFields, framing: string): string {
    const connection = this.#port.closesAfterAnswer() ? "connection: close\r\n" : "";
    return `${statusLine(status)}${fieldLines(headers)}${framing}${connection}\r\n`;
  }

  write(chunk: Buffer | string): boolean {
    if (this.#answer !== "streaming" || this.#isBodiless) return true;
    const piece = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    assert(piece.length <= this.#bytesOwed, "an answer is longer than its Content-Length");
    this.#bytesOwed -= piece.length;
    return this.#port.outbox.add(piece);
  }

  onDrain(run: () => void): void {
    if (this.#answer === "streaming") this.#port.outbox.onDrain(run);
  }

  end(): void {
    if (this.#answer !== "streaming") return;
    if (this.#bytesOwed > 0 && this.#bytesOwed !== Number.POSITIVE_INFINITY) {
      this.cut();
      return;
    }
    this.#port.outbox.finish();
    this.#endAnswer();
  }

  cut(): void {
    if (this.isOver) return;
    this.#answer = "cut";
    this.#port.cutOff();
    this.#finish();
  }

  onAbort(run: () => void): void {
    if (this.#wasAborted) run();
    else if (!this.isOver) this.#abortHandlers.push(run);
  }

  onFinish(run: () => void): void {
    if (this.isOver) run();
    else this.#finishHandlers.push(run);
  }

  #endAnswer(): void {
    this.#answer = "ended";
    this.#finish();
    this.#port.answered();
  }

  #finish(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#abortHandlers = [];
    for (const run of this.#finishHandlers.splice(0)) run();
  }
}
