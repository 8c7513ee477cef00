import type { Socket } from "node:net";
import { Fault } from "../kernel/index.ts";
import type { Log } from "../telemetry/index.ts";
import { BodyReader, type BodySink } from "./body-reader.ts";
import { type Awaited, ConnectionWatch } from "./connection-watch.ts";
import type { ExchangeHandler } from "./contract.ts";
import { httpFaults, type Refusal } from "./faults.ts";
import { HeadScanner, isRefused, needsMore } from "./head-scanner.ts";
import { ScannedRequestHead } from "./heads.ts";
import { discardBytesMax, highWaterBytes, type ServerLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { type DescribeRefusal, refusalHead } from "./refusal.ts";
import { type ExchangePort, ServerExchange } from "./server-exchange.ts";
import { ServerSocket } from "./server-socket.ts";

/** Serves a socket from now on, beginning with these bytes, which were read from it already. */
export type HandOver = (socket: Socket, bytes: Buffer) => void;

/** What a connection needs of the server that accepted it. */
export interface ConnectionHost {
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly onExchange: ExchangeHandler;
  readonly isDraining: boolean;
  readonly describe: DescribeRefusal;
  /** Offered what is not of the common shape. Absent: the strict reader decides. */
  readonly handOver: HandOver | undefined;
  closed(connection: ServerConnection): void;
}

/**
 * How much a peer may still send after the last answer: several whole bodies, since most clients
 * look for an answer only when they have sent theirs. Thrown away unread, within `lingerMs`.
 */
const lingerBytesMax = 67_108_864;

/**
 * One connection of the strict server. States: idle → head → exchange → idle …, from each of them
 * lingering (the last answer is out, what the peer still sends is thrown away) → closed; or
 * detached, when another server took the socket over.
 */
export class ServerConnection implements ExchangePort {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #scanner: HeadScanner;
  readonly #body = new BodyReader();
  readonly #watch: ConnectionWatch;
  readonly outbox: Outbox;
  readonly remoteAddress: string;

  #bytes: Buffer | undefined;
  #at = 0;
  #exchange: ServerExchange | undefined;
  #requests = 0;
  #isLast = false;
  #isAdvancing = false;
  #isLingering = false;
  #lingerBytes = 0;
  #isDetached = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#scanner = new HeadScanner("request", host.limits);
    this.#watch = new ConnectionWatch(host.limits);
    this.outbox = new Outbox(socket);
    this.remoteAddress = socket.remoteAddress ?? "";
    if (socket instanceof ServerSocket) socket.receive = this.#onData;
    else socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isLingering) {
      this.#lingerBytes += chunk.length;
      if (this.#lingerBytes > lingerBytesMax) this.#socket.destroy();
      return;
    }
    const rest = this.#bytes;
    this.#bytes = rest === undefined ? chunk : Buffer.concat([rest.subarray(this.#at), chunk]);
    this.#at = 0;
    this.#advance();
  };

  readonly #onDrain = (): void => {
    this.outbox.drained();
    this.#advance();
  };

  /** A peer that half-closes is taken to have left: nothing else tells a cancelled call in time. */
  readonly #onEnd = (): void => {
    if (this.#exchange === undefined || this.#isLingering) this.#socket.end();
    else this.#socket.destroy();
    this.#exchange?.aborted();
  };

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.outbox.discard();
    this.#exchange?.aborted();
    this.#exchange = undefined;
    this.#bytes = undefined;
    this.#host.closed(this);
  };

  /** The answer that is under way, or else the next one, will be the last. */
  drain(): void {
    this.#isLast = true;
    if (this.#exchange === undefined) this.#close();
  }

  /** Called some times a second with the milliseconds since the last time. */
  sweep(passedMs: number): void {
    if (this.#watch.isStalled(this.#socket.writableLength, passedMs)) {
      this.#socket.destroy();
      return;
    }
    const awaited = this.#awaited();
    if (!this.#watch.isOverdue(awaited, passedMs)) return;
    if (awaited === "request") this.#close();
    else if (awaited === "farewell") this.#socket.destroy();
    else this.#refuse("request_timeout");
  }

  #awaited(): Awaited {
    if (this.#isLingering) return this.#socket.writableLength > 0 ? "answer" : "farewell";
    const exchange = this.#exchange;
    if (exchange === undefined) return this.#bytes === undefined ? "request" : "head";
    const isBodyOwed = !this.#body.isDone && exchange.body.acceptsMore;
    return isBodyOwed && !exchange.mayBodyLinger ? "body" : "answer";
  }

  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      while (this.#step()) {
        // Each step reads a head, or a stretch of body, or clears an exchange that is over.
      }
    } catch (error) {
      // A handler with a bug loses its own exchange, not everybody's process.
      // What it left unread cannot be told from the next request: the connection ends with it.
      this.#isLast = true;
      if (this.#exchange !== undefined) this.#handlerThrew(this.#exchange, error);
      this.#close();
    }
    this.#isAdvancing = false;
    this.#keepRest();
  }

  /** True when there may be more to do. */
  #step(): boolean {
    if (this.#isLingering || this.#isDetached || this.#socket.destroyed) return false;
    const exchange = this.#exchange;
    const bytes = this.#bytes;
    if (exchange === undefined) {
      if (bytes === undefined || this.#at === bytes.length) return false;
      return this.outbox.waitingBytes <= highWaterBytes && this.#readHead(bytes);
    }
    if (!this.#body.isDone) {
      if (exchange.isOver && this.#isLast) return this.#close();
      if (bytes === undefined || this.#at === bytes.length) return false;
      return exchange.body.acceptsMore && this.#readBody(bytes, exchange);
    }
    if (!exchange.isOver) return false;
    this.#exchange = undefined;
    this.#watch.restart();
    return this.#isLast ? this.#close() : true;
  }

  /** Gives up what was read; pauses a peer that sends ahead faster than it is answered. */
  #keepRest(): void {
    const bytes = this.#bytes;
    if (bytes !== undefined && this.#at === bytes.length) this.#bytes = undefined;
    const waiting = this.#bytes === undefined ? 0 : this.#bytes.length - this.#at;
    const isHeldUp =
      this.#exchange !== undefined && !this.#body.isDone && !this.#exchange.body.acceptsMore;
    const hasToWait = !this.#isLingering && (isHeldUp || waiting > highWaterBytes);
    if (hasToWait !== this.#socket.isPaused() && !this.#isDetached) {
      if (hasToWait) this.#socket.pause();
      else this.#socket.resume();
    }
  }

  #readHead(bytes: Buffer): boolean {
    const scanner = this.#scanner;
    const { facts } = scanner;
    const start = this.#at;
    const next = scanner.scan(bytes, start, bytes.length);
    if (next === needsMore) return false;
    const isOdd = next === isRefused || facts.isChunked || facts.awaitsContinue || facts.upgrades;
    const { handOver } = this.#host;
    if (isOdd && handOver !== undefined) {
      this.#handOver(handOver, bytes.subarray(start));
      return false;
    }
    if (next === isRefused) {
      this.#refuse(scanner.refusal);
      return false;
    }
    const head = new ScannedRequestHead(bytes.toString("latin1", start, next), scanner);
    this.#at = next;
    if (facts.isChunked) this.#body.startChunked();
    else this.#body.startLength(Math.max(0, facts.contentLength));
    this.#requests += 1;
    this.#isLast ||= facts.closes || this.#requests >= this.#host.limits.requestsPerConnection;
    this.#isLast ||= this.#host.isDraining;
    const { awaitsContinue } = facts;
    scanner.reset();
    this.#begin(new ServerExchange(head, { port: this, awaitsContinue }), bytes);
    return true;
  }

  /** What of the body is there already is given before the handler runs: most bodies are whole. */
  #begin(exchange: ServerExchange, bytes: Buffer): void {
    this.#exchange = exchange;
    if (this.#body.isDone) exchange.body.ended();
    else if (this.#at < bytes.length && !this.#readBody(bytes, exchange)) return;
    this.#host.onExchange(exchange);
  }

  #handlerThrew(exchange: ServerExchange, error: unknown): void {
    const fault = Fault.from(error);
    this.#host.log.error("exchange_handler_threw", { reason: fault.reason, detail: fault.detail });
    if (exchange.hasAnswerStarted) {
      exchange.cut();
      return;
    }
    const { contentType, body } = this.#host.describe(fault);
    exchange.respond(fault.httpStatus, [["content-type", contentType]], body);
  }

  readonly #sink: BodySink = (bytes, start, end) => {
    this.#watch.bodyArrived(end - start);
    this.#exchange?.body.arrived(bytes.subarray(start, end));
  };

  #readBody(bytes: Buffer, exchange: ServerExchange): boolean {
    this.#at = this.#body.read(bytes, this.#at, this.#sink);
    if (this.#body.isRefused) {
      this.#refuse("bad_chunk");
      return false;
    }
    if (this.#body.isDone) exchange.body.ended();
    return true;
  }

  #handOver(handOver: HandOver, bytes: Buffer): void {
    const socket = this.#socket;
    this.#isDetached = true;
    socket.pause();
    if (socket instanceof ServerSocket) socket.receive = undefined;
    else socket.off("data", this.#onData);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
    this.#bytes = undefined;
    this.#host.closed(this);
    handOver(socket, bytes);
  }

  /** Says why, and closes: after a breach of the framing nothing on this connection can be trusted. */
  #refuse(refusal: Refusal): void {
    const exchange = this.#exchange;
    if (exchange?.hasAnswerStarted) {
      exchange.cut();
      return;
    }
    const fault = httpFaults[refusal]();
    const described = this.#host.describe(fault);
    exchange?.aborted();
    this.outbox.writeWhole(refusalHead(fault, described), described.body);
    this.#close();
  }

  /** No more requests: sends FIN and reads on for a moment, so that no RST eats the last answer. */
  #close(): false {
    this.#isLingering = true;
    this.#exchange = undefined;
    this.#bytes = undefined;
    this.#socket.end();
    this.#socket.resume();
    return false;
  }

  // What the exchange asks for.

  closesAfterAnswer(): boolean {
    if (this.#body.bytesOutstanding > discardBytesMax) this.#isLast = true;
    if (this.#host.isDraining) this.#isLast = true;
    return this.#isLast;
  }

  bodyFlowChanged(): void {
    this.#advance();
  }

  sendContinue(): void {
    this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
  }

  answered(): void {
    this.#advance();
  }

  cutOff(): void {
    this.outbox.flush();
    this.#isLingering = true;
    this.#socket.destroySoon();
  }
}
