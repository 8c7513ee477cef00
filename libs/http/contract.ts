/** The shapes that servers, clients and handlers of HTTP share. All sizes are in bytes. */
import type { Fault } from "../kernel/index.ts";

/** Header fields in the order they came; names in lower case; values without outer blanks. */
export interface HeaderList {
  /** The value, or undefined. Several fields of one name come joined with ", " (RFC 9110, 5.3). */
  get(name: string): string | undefined;
  has(name: string): boolean;
  entries(): Iterable<readonly [name: string, value: string]>;
}

/** What is written: names in lower case. A value that holds CR, LF or NUL is refused. */
export type HeaderFields = readonly (readonly [name: string, value: string])[];

/**
 * Field lines that were checked and written once: what `encodeFields` and `forwardFields` make.
 * Cheaper than `HeaderFields` where the same fields are sent often, or are passed on.
 */
export interface EncodedFields {
  /** Lines that each end in CR LF, one byte a character. Only the makers above build it. */
  readonly lines: string;
}

export interface RequestHead {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  readonly path: string;
  /** Without the "?"; empty when there is none. */
  readonly query: string;
  readonly headers: HeaderList;
  /** Declared length; undefined when the body is chunked or absent. */
  readonly contentLength: number | undefined;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly contentLength: number | undefined;
}

/**
 * One request being answered. States: reading → answering → ended, or cut from any of them.
 * After `ended` or `cut` every write is ignored, so a handler need not ask before each.
 */
export interface Exchange {
  readonly head: RequestHead;
  /** Address of the peer; empty on a Unix socket. */
  readonly remoteAddress: string;
  /** `websocket`: an HTTP/1.1 connection that asks to become one; body and answer are its bytes. */
  readonly protocol: "http/1.1" | "h2" | "websocket";
  /** The whole body. Rejects with `http.body_too_large` (413) or `http.client_left`. */
  readBody(limitBytes: number): Promise<Buffer>;
  /** The body as it comes; `onEnd` once, after the last chunk. Instead of `readBody`. */
  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void;
  /**
   * The body is a conversation: its pauses and its pace are not held against the peer from now on.
   */
  letBodyLinger(): void;
  /** Stops and restarts reading the body from the socket. */
  pauseBody(): void;
  resumeBody(): void;
  /** A whole answer, head and body in one write. Content-Length is added. */
  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void;
  /**
   * Sends the head of an answer whose body follows in pieces: chunked in HTTP/1.1, or with a
   * Content-Length where the caller knows it. Then `end` before that many bytes is a `cut`.
   */
  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    options?: { readonly contentLength?: number | undefined },
  ): void;
  /** Appends to a started answer. False when the peer is slow: wait for `onDrain`. */
  write(chunk: Buffer | string): boolean;
  onDrain(run: () => void): void;
  /**
   * Ends a started answer properly. Trailer fields go out in HTTP/2; where they are not expected
   * they are dropped, as RFC 9110 (6.5.1) lets us.
   */
  end(trailers?: HeaderFields): void;
  /**
   * Breaks the answer off so that the peer can see it: no final chunk in HTTP/1.1, RST_STREAM in
   * HTTP/2. An incomplete answer never ends like a complete one.
   */
  cut(): void;
  /** Runs once when the peer has gone before the answer ended. At once if that has happened. */
  onAbort(run: () => void): void;
  /** Runs once when the answer is finished or broken off. */
  onFinish(run: () => void): void;
  /**
   * Told what goes wrong, before it is answered. Only where the answer is translated on its way
   * into a protocol whose errors are typed.
   */
  readonly noteFault?: (fault: Fault) => void;
}

export type ExchangeHandler = (exchange: Exchange) => void;

/** What can be said of an attempt that failed; decides whether another may be tried. */
export interface AttemptFailure {
  readonly error: Error;
  /** Bytes of the request had been given to the kernel. */
  readonly requestStarted: boolean;
  /** The response's head had come. */
  readonly headReceived: boolean;
  /** The connection was a reused one, which the server may have closed while it was idle. */
  readonly reusedConnection: boolean;
}

export interface ResponseHandler {
  onHead(head: ResponseHead): void;
  /** Bytes of the body, de-chunked. The buffer is the handler's own. */
  onChunk(chunk: Buffer): void;
  onEnd(): void;
  /** Called at most once, instead of `onEnd`. */
  onFailure(failure: AttemptFailure): void;
}

/** A call under way. */
export interface ClientCall {
  /** Closes the connection; no handler runs afterwards. */
  cancel(): void;
  /** Stops and restarts reading the response from the socket. */
  pause(): void;
  resume(): void;
  /** Appends to a streamed request body; false when the peer is slow. */
  writeBody(chunk: Buffer): boolean;
  /** Runs once when the peer has caught up after a false `writeBody`. */
  onDrain(run: () => void): void;
  endBody(): void;
}

export interface ClientRequest {
  readonly method: string;
  readonly target: string;
  /** `host` and framing fields are the pool's. */
  readonly headers: HeaderFields | EncodedFields;
  /** Whole, or "stream" for `writeBody` and `endBody` with chunked framing; absent for none. */
  readonly body?: Buffer | "stream";
  /** Never reuse a kept-alive connection for this one. */
  readonly freshConnection?: boolean;
}

/** Keep-alive connections to one address. */
export interface ClientPool {
  send(request: ClientRequest, handler: ResponseHandler): ClientCall;
  readonly openConnections: number;
  close(): void;
}
