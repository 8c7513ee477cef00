import type { Socket } from "node:net";
import { type BodyHandlers, BodyInlet } from "./body-inlet.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "./contract.ts";
import { fieldLines } from "./encoded-fields.ts";
import type { ServerLimits } from "./limits.ts";
import { inTurn } from "./server-exchange.ts";
import { statusLine } from "./status-line.ts";

/** What only an accepted handshake has (RFC 6455, 4.2.2). */
const acceptLine = /^sec-websocket-accept:/im;

/**
 * A connection that asks to become a WebSocket, as an exchange: its body is the bytes the client
 * sends from then on, its answer the bytes it gets. So it is relayed like any other, with the same
 * limits, and nobody on the way has to know frames. States: open → upgraded, or answering (it was
 * refused, and is told so like other requests) → ended, or cut.
 */
export class UpgradeExchange implements Exchange {
  readonly head: RequestHead;
  readonly protocol = "websocket";
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #body: BodyInlet;
  readonly #watch: ConnectionWatch;
  #state: "open" | "upgraded" | "answering" | "ended" | "cut" = "open";
  #wasAborted: boolean = false;
  #handlers: BodyHandlers | undefined;
  #onAbort: (() => void) | undefined;
  #onFinish: (() => void) | undefined;

  constructor(
    head: RequestHead,
    given: { readonly socket: Socket; readonly first: Buffer; readonly limits: ServerLimits },
  ) {
    const { socket, first, limits } = given;
    this.head = head;
    this.#socket = socket;
    this.#watch = new ConnectionWatch(limits);
    this.remoteAddress = socket.remoteAddress ?? "";
    this.#body = new BodyInlet({ bodyFlowChanged: () => this.#adjustFlow() });
    socket.setTimeout(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      this.#body.arrived(chunk);
      this.#adjustFlow();
    });
    socket.on("end", () => this.#body.ended());
    socket.on("close", () => this.#closed());
    if (first.length > 0) this.#body.arrived(first);
  }

  get isOver(): boolean {
    return this.#state === "ended" || this.#state === "cut";
  }

  get hasAnswerStarted(): boolean {
    return this.#state !== "open";
  }

  /** True when the peer lets written bytes lie, or has its last ones and does not leave. */
  isOverdue(passedMs: number): boolean {
    const { writableLength } = this.#socket;
    const isTold = this.#state === "ended" && writableLength === 0;
    if (isTold) return this.#watch.isOverdue("farewell", passedMs);
    return this.#watch.isStalled(writableLength, passedMs);
  }

  timeOut(): void {
    this.#socket.destroy();
  }

  /** Nothing more is taken from the client, as if it had said so itself: the other side says goodbye. */
  drain(): void {
    const handlers = this.#handlers;
    if (this.#state !== "upgraded" || handlers === undefined) return;
    this.#handlers = undefined;
    this.#body.close();
    handlers.onEnd();
  }

  #adjustFlow(): void {
    if (this.#body.acceptsMore) this.#socket.resume();
    else this.#socket.pause();
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return this.#body.read(limitBytes);
  }

  streamBody(handlers: BodyHandlers): void {
    this.#handlers = handlers;
    this.#body.stream(handlers);
  }

  letBodyLinger(): void {}

  pauseBody(): void {
    this.#body.pause();
  }

  resumeBody(): void {
    this.#body.resume();
  }

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    this.startStream(status, headers, { contentLength: Buffer.byteLength(body) });
    this.write(body);
    this.end();
  }

  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    { contentLength }: { readonly contentLength?: number | undefined } = {},
  ): void {
    if (this.#state !== "open") return;
    const lines = fieldLines(headers);
    const isAccepted = status === 200 && acceptLine.test(lines);
    this.#state = isAccepted ? "upgraded" : "answering";
    // A refusal ends with the connection, which is as good as a length for who got none.
    const length = contentLength === undefined ? "" : `content-length: ${contentLength}\r\n`;
    const framing = isAccepted
      ? "upgrade: websocket\r\nconnection: Upgrade\r\n"
      : `${length}connection: close\r\n`;
    const head = `${statusLine(isAccepted ? 101 : status)}${lines}${framing}\r\n`;
    this.#socket.write(head, "latin1");
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state !== "upgraded" && this.#state !== "answering") return true;
    return this.#socket.write(chunk);
  }

  onDrain(run: () => void): void {
    if (!this.isOver) this.#socket.once("drain", run);
  }

  end(): void {
    if (this.#state !== "upgraded" && this.#state !== "answering") return;
    this.#state = "ended";
    // Closing it over bytes that were not read would be a reset, and the last words might be lost.
    this.#socket.end();
    this.#finish();
    this.#adjustFlow();
  }

  /** A reset: no frame says that the connection closes, so nobody takes it for a proper close. */
  cut(): void {
    if (this.isOver) return;
    this.#state = "cut";
    this.#socket.resetAndDestroy();
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

  #closed(): void {
    if (this.isOver) return;
    this.#state = "cut";
    this.#wasAborted = true;
    this.#body.aborted();
    this.#onAbort?.();
    this.#finish();
  }

  #finish(): void {
    this.#body.close();
    this.#onAbort = undefined;
    const onFinish = this.#onFinish;
    this.#onFinish = undefined;
    onFinish?.();
  }
}
