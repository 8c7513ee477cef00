import { assert } from "../kernel/index.ts";
import { type BodyHandlers, BodyInlet, type BodySource } from "./body-inlet.ts";
import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "./contract.ts";
import { fieldLines } from "./encoded-fields.ts";
import { httpFaults } from "./faults.ts";
import type { Outbox } from "./outbox.ts";
import { isBodiless, statusLine } from "./status-line.ts";

/** What an exchange needs of the connection it came on. */
export interface ExchangePort extends BodySource {
  readonly outbox: Outbox;
  readonly remoteAddress: string;
  /** Asked when an answer's head is written: has the peer to be told that it is the last one? */
  closesAfterAnswer(): boolean;
  sendContinue(): void;
  answered(): void;
  cutOff(): void;
}

/** Both, the first one first. Nearly always there is only one. */
export function inTurn(first: (() => void) | undefined, second: () => void): () => void {
  if (first === undefined) return second;
  return () => {
    first();
    second();
  };
}

type AnswerState = "open" | "streaming" | "ended" | "cut";

/** One request on a connection of the strict server; that feeds `body` and calls `aborted`. */
export class ServerExchange implements Exchange {
  readonly head: RequestHead;
  readonly protocol = "http/1.1";
  readonly body: BodyInlet;
  readonly #port: ExchangePort;
  mayBodyLinger: boolean = false;
  #awaitsContinue: boolean;
  #answer: AnswerState = "open";
  #isBodiless = false;
  /** Of a stream with a declared length: bytes still owed; otherwise Infinity. */
  #bytesOwed = Number.POSITIVE_INFINITY;
  #wasAborted = false;
  #onAbort: (() => void) | undefined;
  #onFinish: (() => void) | undefined;

  constructor(
    head: RequestHead,
    { port, awaitsContinue }: { port: ExchangePort; awaitsContinue: boolean },
  ) {
    this.head = head;
    this.#port = port;
    this.#awaitsContinue = awaitsContinue;
    this.body = new BodyInlet(port);
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

  /** The peer has gone, or broke the rules in its body. */
  aborted(): void {
    if (this.isOver) return;
    this.#answer = "cut";
    this.#wasAborted = true;
    this.body.aborted();
    this.#onAbort?.();
    this.#finish();
  }

  readBody(limitBytes: number): Promise<Buffer> {
    if ((this.head.contentLength ?? 0) > limitBytes) {
      return Promise.reject(httpFaults.body_too_large());
    }
    this.#askForBody();
    return this.body.read(limitBytes);
  }

  streamBody(handlers: BodyHandlers): void {
    this.#askForBody();
    this.body.stream(handlers);
  }

  #askForBody(): void {
    if (!this.#awaitsContinue || this.body.isComplete || this.isOver) return;
    this.#awaitsContinue = false;
    this.#port.sendContinue();
  }

  letBodyLinger(): void {
    this.mayBodyLinger = true;
  }

  pauseBody(): void {
    this.body.pause();
  }

  resumeBody(): void {
    this.body.resume();
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
    const bodiless = isBodiless(status, this.head.method);
    let framing = bodiless ? "" : "transfer-encoding: chunked\r\n";
    if (contentLength !== undefined) framing = `content-length: ${contentLength}\r\n`;
    const head = this.#headText(status, headers, framing);
    this.#answer = "streaming";
    this.#isBodiless = bodiless;
    if (contentLength !== undefined && !bodiless) this.#bytesOwed = contentLength;
    this.#port.outbox.begin(head, { isChunked: contentLength === undefined && !bodiless });
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
    else if (!this.isOver) this.#onAbort = inTurn(this.#onAbort, run);
  }

  onFinish(run: () => void): void {
    if (this.isOver) run();
    else this.#onFinish = inTurn(this.#onFinish, run);
  }

  #endAnswer(): void {
    this.#answer = "ended";
    this.#finish();
    this.#port.answered();
  }

  #finish(): void {
    this.body.close();
    this.#onAbort = undefined;
    const onFinish = this.#onFinish;
    this.#onFinish = undefined;
    onFinish?.();
  }
}
