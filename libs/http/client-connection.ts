import { connect as connectTcp, type OnReadOpts, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { assert, Fault } from "../kernel/index.ts";
import type { ParsedAddress } from "./address.ts";
import { BodyReader, type BodySink } from "./body-reader.ts";
import type { ClientRequest, ResponseHandler } from "./contract.ts";
import { fieldLines } from "./encoded-fields.ts";
import { httpFaults } from "./faults.ts";
import { HeadScanner, isRefused, needsMore } from "./head-scanner.ts";
import { ScannedResponseHead } from "./heads.ts";
import type { ClientLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { isBodiless } from "./status-line.ts";

/** What a connection needs of its pool. */
export interface ConnectionOwner {
  readonly limits: ClientLimits;
  readonly hostField: string;
  /** The answer is complete and the connection can take another request. */
  idle(connection: ClientConnection): void;
  closed(connection: ClientConnection): void;
}

export interface TlsTrust {
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | Buffer;
  /** Name to ask for and to check; the address's host when absent. */
  readonly serverName?: string;
}

/** The request that a connection is working on. */
export interface Work {
  readonly request: ClientRequest;
  readonly handler: ResponseHandler;
  /** The request's head has been written: pieces of a streamed body may follow. */
  started(): void;
}

/**
 * Every client socket of the process reads into this one buffer: reads are synchronous, and what
 * is kept is copied out before the next one. Saves an allocation of 64 KiB for each read.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** A long silent generation must not be forgotten by a firewall on the way. */
const tcpKeepAliveMs = 30_000;

const nothing = Buffer.alloc(0);

interface TcpOptions {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
}

function openSocket(
  address: ParsedAddress,
  trust: TlsTrust,
  receive: (bytes: Buffer, length: number) => void,
): Socket {
  const onread = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      receive(readBuffer, length);
      return true;
    },
  };
  if (address.kind === "unix") return connectTcp({ path: address.path, onread });
  const { host, port } = address;
  const tcp = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs };
  if (address.kind === "tcp") return connectTcp({ host, port, ...tcp, onread });
  // tls.connect passes `onread` on to its socket; its type declaration leaves it out.
  const options: ConnectionOptions & TcpOptions & { onread: OnReadOpts } = {
    host,
    port,
    servername: trust.serverName ?? host,
    ALPNProtocols: ["http/1.1"],
    ...(trust.ca === undefined ? {} : { ca: trust.ca }),
    ...tcp,
    onread,
  };
  return connectTls(options);
}

/**
 * One connection of a client pool. States: connecting → idle ⇄ busy → closed. A busy one that
 * fails tells its handler; an idle one just goes.
 */
export class ClientConnection {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #scanner: HeadScanner;
  readonly #body = new BodyReader();
  #isOpen = false;
  #isClosed = false;
  #work: Work | undefined;
  #isReuse = false;
  #requestStarted = false;
  #requestEnded = false;
  #headReceived = false;
  #keepsAlive = false;
  #answers = 0;
  /** Where the body bytes of the read under way are put, and how many there are. */
  #gathering = nothing;
  #gathered = 0;
  /** The beginning of a head that did not come in one piece. */
  #carry: Buffer | undefined;
  #cause: Error | undefined;
  #waitedMs = 0;
  #idleTimeoutMs: number;

  constructor(
    address: ParsedAddress,
    { owner, trust }: { owner: ConnectionOwner; trust: TlsTrust },
  ) {
    this.#owner = owner;
    this.#scanner = new HeadScanner("response", owner.limits);
    this.#idleTimeoutMs = owner.limits.idleTimeoutMs;
    this.#socket = openSocket(address, trust, (bytes, length) => this.#receive(bytes, length));
    this.#outbox = new Outbox(this.#socket);
    this.#socket.once(address.kind === "tls" ? "secureConnect" : "connect", () => this.#opened());
    this.#socket.on("drain", () => this.#outbox.drained());
    this.#socket.on("error", (error) => {
      this.#cause ??= error;
    });
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("close", () => this.#closed());
  }

  worksOn(work: Work): boolean {
    return this.#work === work;
  }

  /** Takes the request now, or as soon as the connection stands. */
  start(work: Work): void {
    assert(this.#work === undefined, "a connection takes one request at a time");
    this.#work = work;
    this.#isReuse = this.#answers > 0;
    this.#requestStarted = false;
    this.#requestEnded = work.request.body !== "stream";
    this.#headReceived = false;
    this.#waitedMs = 0;
    if (this.#isOpen) this.#write(work);
  }

  #opened(): void {
    this.#isOpen = true;
    if (this.#work !== undefined) this.#write(this.#work);
    else this.#owner.idle(this);
  }

  #write(work: Work): void {
    const { method, target, body } = work.request;
    const start = `${method} ${target} HTTP/1.1\r\nhost: ${this.#owner.hostField}\r\n`;
    const fields = fieldLines(work.request.headers);
    this.#requestStarted = true;
    if (body === "stream") {
      this.#outbox.begin(`${start}${fields}transfer-encoding: chunked\r\n\r\n`, {
        isChunked: true,
      });
      work.started();
    } else if (body === undefined) {
      // RFC 9110, 8.6: a method that anticipates content says so when there is none.
      const length = method === "POST" || method === "PUT" || method === "PATCH";
      const framing = length ? "content-length: 0\r\n" : "";
      this.#outbox.writeWhole(`${start}${fields}${framing}\r\n`, "");
    } else {
      const head = `${start}${fields}content-length: ${body.length}\r\n\r\n`;
      this.#outbox.writeWhole(head, body);
    }
  }

  writeBody(chunk: Buffer): boolean {
    return this.#outbox.add(chunk);
  }

  onBodyDrain(run: () => void): void {
    this.#outbox.onDrain(run);
  }

  endBody(): void {
    this.#requestEnded = true;
    this.#outbox.finish();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes without a word to the handler. */
  abandon(): void {
    this.#work = undefined;
    this.#socket.destroy();
  }

  /** How long what it waits for at the moment may take: to be there, or to be used again. */
  get patienceMs(): number {
    return this.#isOpen ? this.#idleTimeoutMs : this.#owner.limits.connectTimeoutMs;
  }

  /** Called some times a second with the milliseconds since the last time. */
  sweep(passedMs: number): void {
    this.#waitedMs += passedMs;
    const { limits } = this.#owner;
    if (!this.#isOpen && this.#waitedMs >= limits.connectTimeoutMs) {
      this.#cause = httpFaults.connect_timeout();
      this.#socket.destroy();
    } else if (this.#isOpen && this.#work === undefined && this.#waitedMs >= this.#idleTimeoutMs) {
      this.#socket.destroy();
    }
  }

  #receive(bytes: Buffer, length: number): void {
    if (this.#work === undefined) {
      // Nobody asked: an answer to nothing would be taken for the answer to the next request.
      this.#socket.destroy();
      return;
    }
    const carry = this.#carry;
    this.#carry = undefined;
    try {
      if (carry === undefined) {
        this.#read(bytes.subarray(0, length));
      } else {
        const joined = Buffer.concat([carry, bytes.subarray(0, length)]);
        this.#read(joined);
      }
    } catch (error) {
      // A handler with a bug loses its own call, not everybody's process.
      this.#fail(Fault.from(error));
    }
  }

  #read(bytes: Buffer): void {
    const end = bytes.length;
    let at = 0;
    while (!this.#headReceived) {
      const next = this.#scanner.scan(bytes, at, end);
      if (next === isRefused) {
        this.#fail(httpFaults.bad_response({ detail: `${this.#scanner.refusal}` }));
        return;
      }
      if (next === needsMore) {
        if (at < end) this.#carry = Buffer.from(bytes.subarray(at, end));
        return;
      }
      const head = new ScannedResponseHead(bytes.toString("latin1", at, next), this.#scanner);
      at = next;
      if (head.status === 101) {
        this.#fail(httpFaults.bad_response({ detail: "switches protocols unasked" }));
      } else if (head.status >= 200) {
        this.#startAnswer(head);
      }
      this.#scanner.reset();
      if (this.#work === undefined) return;
    }
    if (!this.#body.isDone) at = this.#readBody(bytes, at);
    if (this.#body.isRefused) this.#fail(httpFaults.bad_response({ detail: "bad_chunk" }));
    else if (this.#body.isDone && this.#work !== undefined) this.#finish(at === end);
  }

  /** RFC 9112, 6.3: how long the body is. */
  #startAnswer(head: ScannedResponseHead): void {
    const work = this.#work;
    if (work === undefined) return;
    const { facts, isHttp10 } = this.#scanner;
    this.#headReceived = true;
    this.#keepsAlive = isHttp10 ? facts.keepsAlive : !facts.closes;
    if (isBodiless(head.status, work.request.method)) this.#body.startLength(0);
    else if (facts.isChunked) this.#body.startChunked();
    else if (facts.contentLength >= 0) this.#body.startLength(facts.contentLength);
    else {
      this.#keepsAlive = false;
      this.#body.startUntilClose();
    }
    const told = this.#keepsAlive ? head.headers.get("keep-alive") : undefined;
    if (told !== undefined) this.#heedKeepAlive(told);
    work.handler.onHead(head);
  }

  /** `timeout=5`: a server's own patience. Leaving a second earlier avoids meeting it at the door. */
  #heedKeepAlive(value: string): void {
    const seconds = /timeout=(\d{1,6})/.exec(value)?.[1];
    if (seconds === undefined) return;
    const patienceMs = Math.max(0, Number(seconds) * 1_000 - 1_000);
    this.#idleTimeoutMs = Math.min(this.#owner.limits.idleTimeoutMs, patienceMs);
  }

  readonly #sink: BodySink = (bytes, start, end) => {
    this.#gathered += bytes.copy(this.#gathering, this.#gathered, start, end);
  };

  /** All body bytes of one read go out as one chunk, in memory of its own. */
  #readBody(bytes: Buffer, from: number): number {
    if (from === bytes.length) return from;
    const own = Buffer.allocUnsafe(bytes.length - from);
    this.#gathering = own;
    this.#gathered = 0;
    const at = this.#body.read(bytes, from, this.#sink);
    const length = this.#gathered;
    this.#gathering = nothing;
    if (length === own.length) this.#work?.handler.onChunk(own);
    else if (length > 0) this.#work?.handler.onChunk(own.subarray(0, length));
    return at;
  }

  #finish(isClean: boolean): void {
    const work = this.#work;
    this.#work = undefined;
    this.#answers += 1;
    this.#waitedMs = 0;
    // Bytes after the answer, or a request not sent to its end: the framing cannot be trusted.
    const canStay = this.#keepsAlive && isClean && this.#requestEnded && !this.#socket.destroyed;
    if (canStay) {
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#owner.idle(this);
    } else {
      this.#socket.destroy();
    }
    work?.handler.onEnd();
  }

  /** FIN. Ends a body that is delimited by it; cuts anything else short. */
  #ended(): void {
    const isWhole = this.#headReceived && this.#body.isUntilClose;
    if (isWhole && this.#work !== undefined) this.#finish(true);
    this.#socket.destroy();
  }

  #fail(error: Fault): void {
    this.#cause = error;
    this.#socket.destroy();
    this.#reportFailure();
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox.discard();
    this.#reportFailure();
    this.#owner.closed(this);
  }

  #reportFailure(): void {
    const work = this.#work;
    if (work === undefined) return;
    this.#work = undefined;
    work.handler.onFailure({
      error: this.#failure(),
      requestStarted: this.#requestStarted,
      headReceived: this.#headReceived,
      reusedConnection: this.#isReuse,
    });
  }

  #failure(): Error {
    const cause = this.#cause;
    if (Fault.is(cause)) return cause;
    const detail = cause?.message ?? "closed by the peer";
    const details = cause === undefined ? { detail } : { detail, cause };
    return this.#isOpen ? httpFaults.connection_lost(details) : httpFaults.connect_failed(details);
  }
}
