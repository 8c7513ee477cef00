import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/** What a client may send of frames that carry nothing, at once and for ever. */
const talkBurstBytes = 65_536;
const talkBytesPerSecond = 8_192;
/** Requests that a client may give up, at once and for ever. */
const resetBurst = 200;
const resetsPerSecond = 33;
/** After a session's end: how long its client may take to see it, in milliseconds. */
const lingerMs = 2_000;
/** Share of what it was sent that it may answer with: windows that grow, pings that measure. */
const shareOfWritten = 0.25;

/**
 * How much of what a session reads is talk: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown ones,
 * frames around single bytes, fields that no request came of. A leaky bucket; heads of requests,
 * bodies, and as much framing again as there are bodies are no talk.
 */
export class TalkBudget {
  #levelBytes = 0;
  #creditBytes = 0;
  #seenRead = 0;
  #seenWritten = 0;

  headArrived(bytes: number): void {
    this.#creditBytes += bytes;
  }

  bodyArrived(bytes: number): void {
    this.#creditBytes += 2 * bytes;
  }

  /** Totals of the connection; true when its client has talked too much. */
  isExceeded(
    total: { readonly bytesRead: number; readonly bytesWritten: number },
    passedMs: number,
  ): boolean {
    const read = total.bytesRead - this.#seenRead;
    const written = total.bytesWritten - this.#seenWritten;
    this.#seenRead = total.bytesRead;
    this.#seenWritten = total.bytesWritten;
    const drained = (passedMs / 1_000) * talkBytesPerSecond;
    const talk = read - this.#creditBytes - written * shareOfWritten - drained;
    this.#creditBytes = 0;
    this.#levelBytes = Math.max(0, this.#levelBytes + talk);
    return this.#levelBytes > talkBurstBytes;
  }
}

/**
 * Watches one HTTP/2 session for what Node and nghttp2 let pass: talk without end, and streams that
 * are opened and reset faster than they could be served (CVE-2023-44487; Node's own limit is the
 * net below). Such a session ends with ENHANCE_YOUR_CALM (RFC 9113, 10.5); so do those that nghttp2
 * itself gives up as a flood.
 */
export class SessionGuard {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #streamsMax: number;
  readonly #talk = new TalkBudget();
  #begunInTurn = 0;
  #resets = 0;
  /** Streams that are told of and not closed yet. */
  #open = 0;
  #isIdle = false;
  #leavingMs = 0;

  constructor(
    session: ServerHttp2Session,
    socket: Socket,
    max: { readonly streams: number; readonly idleMs: number },
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#streamsMax = max.streams;
    blameClient(session);
    session.setTimeout(max.idleMs, () => {
      session.close();
      this.#isIdle = true;
    });
    session.on("stream", (stream, _headers, _flags, rawHeaders) => {
      this.#headArrived(rawHeaders.reduce((sum, { length }) => sum + length, 0));
      // By the time that it is told of, the client may have reset it.
      if (stream.destroyed) {
        this.#wasReset();
        return;
      }
      this.#open += 1;
      stream.once("aborted", () => this.#wasReset());
      stream.once("close", () => {
        this.#open -= 1;
      });
    });
  }

  /** More in one turn of the event loop than may be open at once: those before are reset. */
  #headArrived(bytes: number): void {
    this.#talk.headArrived(bytes);
    if (this.#begunInTurn === 0) {
      setImmediate(() => {
        this.#begunInTurn = 0;
      });
    }
    this.#begunInTurn += 1;
    if (this.#begunInTurn > this.#streamsMax) this.#end();
  }

  readonly bodyArrived = (bytes: number): void => {
    this.#talk.bodyArrived(bytes);
  };

  sweep(passedMs: number): void {
    this.#resets = Math.max(0, this.#resets - (passedMs / 1_000) * resetsPerSecond);
    if (this.#session.destroyed || (this.#isIdle && this.#open === 0)) this.#sweepOut(passedMs);
    else if (this.#talk.isExceeded(this.#session.socket, passedMs)) this.#end();
  }

  /** Closed politely, and still there: its client is silent, or in the middle of a frame. */
  #sweepOut(passedMs: number): void {
    this.#leavingMs += passedMs;
    if (this.#leavingMs < lingerMs) return;
    this.#session.destroy();
    this.#socket.destroy();
  }

  #wasReset(): void {
    this.#resets += 1;
    if (this.#resets > resetBurst) this.#end();
  }

  #end(): void {
    const { destroyed } = this.#session;
    if (destroyed) return;
    const error = new Error("the client of a session asks for too much at once");
    this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

/**
 * Node ends a session that floods it with INTERNAL_ERROR, as if the fault were ours. What it calls
 * an error of the session comes of the client's frames only, so it is told to calm down.
 */
function blameClient(session: ServerHttp2Session): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error, code) => {
    const isUnblamed = error instanceof Error && code === undefined;
    destroy(error, isUnblamed ? constants.NGHTTP2_ENHANCE_YOUR_CALM : code);
  };
}
