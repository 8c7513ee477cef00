import type { ServerResponse } from "node:http";
import { constants, Http2ServerResponse } from "node:http2";
import { type BodyHandlers, BodyInlet } from "./body-inlet.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "./contract.ts";
import { fieldLines } from "./encoded-fields.ts";
import { httpFaults } from "./faults.ts";
import { discardBytesMax, type ServerLimits } from "./limits.ts";
import type { NodeRequest } from "./node-heads.ts";
import { inTurn } from "./server-exchange.ts";

export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Field lines as `setHeader` wants them: repeated names with all their values. */
function groupFields(headers: HeaderFields | EncodedFields): Map<string, string | string[]> {
  const grouped = new Map<string, string | string[]>();
  for (const line of fieldLines(headers).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const known = grouped.get(name);
    if (known === undefined) grouped.set(name, value);
    else grouped.set(name, Array.isArray(known) ? [...known, value] : [known, value]);
  }
  return grouped;
}

/** Without a body it is HTTP/2's head that ends the stream, as gRPC wants it of an error. */
export function endWith(response: NodeResponse, body: Buffer | string): void {
  if (body.length === 0) response.end();
  else response.end(body);
}

/** What an exchange needs of the servers that read its request. */
export interface NodeExchangePort {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly limits: ServerLimits;
  readonly awaitsContinue: boolean;
  /** Told of each piece of the body; where somebody weighs it against the framing. */
  readonly bodyArrived?: ((bytes: number) => void) | undefined;
  isDraining(): boolean;
  /** The answer being written is the connection's last one. */
  isLast(): void;
}

/** A request that `node:http` or `node:http2` read, behind the same face as the strict server's. */
export class NodeExchange implements Exchange {
  readonly head: RequestHead;
  readonly protocol: "http/1.1" | "h2";
  readonly remoteAddress: string;
  readonly #request: NodeRequest;
  readonly #response: NodeResponse;
  readonly #body: BodyInlet;
  readonly #watch: ConnectionWatch;
  readonly #port: NodeExchangePort;
  #awaitsContinue: boolean;
  #state: "open" | "streaming" | "ended" | "cut" = "open";
  #bytesOwed = Number.POSITIVE_INFINITY;
  #mayBodyLinger: boolean = false;
  #wasAborted = false;
  #onAbort: (() => void) | undefined;
  #onFinish: (() => void) | undefined;

  constructor(head: RequestHead, port: NodeExchangePort) {
    const { request, response } = port;
    this.head = head;
    this.#port = port;
    this.#request = request;
    this.#response = response;
    this.#watch = new ConnectionWatch(port.limits);
    this.#awaitsContinue = port.awaitsContinue;
    this.protocol = response instanceof Http2ServerResponse ? "h2" : "http/1.1";
    this.remoteAddress = request.socket.remoteAddress ?? "";
    this.#body = new BodyInlet({ bodyFlowChanged: () => this.#adjustFlow() });
    request.on("data", (chunk: Buffer) => {
      this.#watch.bodyArrived(chunk.length);
      port.bodyArrived?.(chunk.length);
      this.#body.arrived(chunk);
      this.#adjustFlow();
    });
    request.on("end", () => this.#body.ended());
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    response.on("close", () => this.#closed());
  }

  get isOver(): boolean {
    return this.#state === "ended" || this.#state === "cut";
  }

  get hasAnswerStarted(): boolean {
    return this.#state !== "open";
  }

  /** True when the peer is too slow with its body, or too slow to read the answer. */
  isOverdue(passedMs: number): boolean {
    const isBodyOwed = !this.#body.isComplete && !this.isOver && this.#body.acceptsMore;
    const awaitsBody = isBodyOwed && !this.#mayBodyLinger;
    const isLate = this.#watch.isOverdue(awaitsBody ? "body" : "answer", passedMs);
    return this.#watch.isStalled(this.#response.writableLength, passedMs) || isLate;
  }

  /** The rest of a late body cannot be waited for. */
  closeAfterAnswer(): void {
    if (this.protocol !== "http/1.1") return;
    this.#response.setHeader("connection", "close");
    this.#port.isLast();
  }

  /** HTTP/2: the stream is closed once the answer is out, whether or not the body ever ends. */
  waiveBody(): void {
    const response = this.#response;
    if (!(response instanceof Http2ServerResponse)) return;
    // RFC 9113, 8.1: with NO_ERROR, so that the answer counts.
    const { stream } = response;
    stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  readBody(limitBytes: number): Promise<Buffer> {
    if ((this.head.contentLength ?? 0) > limitBytes) {
      return Promise.reject(httpFaults.body_too_large());
    }
    this.#askForBody();
    return this.#body.read(limitBytes);
  }

  streamBody(handlers: BodyHandlers): void {
    this.#askForBody();
    this.#body.stream(handlers);
  }

  #askForBody(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }

  letBodyLinger(): void {
    this.#mayBodyLinger = true;
  }

  pauseBody(): void {
    this.#body.pause();
  }

  resumeBody(): void {
    this.#body.resume();
  }

  #adjustFlow(): void {
    if (!this.#body.acceptsMore) this.#request.pause();
    else if (this.#request.isPaused()) this.#request.resume();
  }

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    const contentLength = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    this.#writeHead(status, headers, status === 204 || status === 304 ? undefined : contentLength);
    this.#state = "ended";
    endWith(this.#response, body);
    this.#finish();
  }

  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    { contentLength }: { readonly contentLength?: number | undefined } = {},
  ): void {
    if (this.#state !== "open") return;
    this.#writeHead(status, headers, contentLength);
    this.#state = "streaming";
    const isBodiless = this.head.method === "HEAD" || status === 204 || status === 304;
    if (contentLength !== undefined && !isBodiless) this.#bytesOwed = contentLength;
    const response = this.#response;
    if (response instanceof Http2ServerResponse) response.writeHead(status);
    // In a turn of its own, so that a first piece written in this one shares its packet.
    else process.nextTick(() => response.flushHeaders());
  }

  #writeHead(
    status: number,
    headers: HeaderFields | EncodedFields,
    contentLength: number | undefined,
  ): void {
    const response = this.#response;
    response.statusCode = status;
    for (const [name, value] of groupFields(headers)) response.setHeader(name, value);
    if (contentLength !== undefined) response.setHeader("content-length", `${contentLength}`);
    const { headers: fields, contentLength: declared = 0 } = this.head;
    const hasBody = declared > discardBytesMax || fields.has("transfer-encoding");
    const leavesBody = hasBody && !this.#body.isComplete;
    if (this.#port.isDraining() || leavesBody) this.closeAfterAnswer();
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state !== "streaming") return true;
    this.#bytesOwed -= typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
    // The two classes share the method, but their overloads do not unify.
    return (this.#response as ServerResponse).write(chunk);
  }

  onDrain(run: () => void): void {
    if (this.#state === "streaming") this.#response.once("drain", run);
  }

  end(trailers?: HeaderFields): void {
    if (this.#state !== "streaming") return;
    if (this.#bytesOwed > 0 && this.#bytesOwed !== Number.POSITIVE_INFINITY) {
      this.cut();
      return;
    }
    this.#state = "ended";
    const response = this.#response;
    if (trailers !== undefined && response instanceof Http2ServerResponse) {
      response.addTrailers(Object.fromEntries(trailers));
    }
    response.end();
    this.#finish();
  }

  cut(): void {
    if (this.isOver) return;
    this.#state = "cut";
    const response = this.#response;
    if (response instanceof Http2ServerResponse) {
      response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    } else {
      // An answer to HTTP/1.0 ends with the connection: only a reset tells it from a whole one.
      response.socket?.resetAndDestroy();
    }
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
    this.#adjustFlow();
    this.#onAbort = undefined;
    const onFinish = this.#onFinish;
    this.#onFinish = undefined;
    onFinish?.();
  }
}
