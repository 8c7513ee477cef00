import type {
  ClientCall,
  ClientRequest,
  AttemptFailure as ConnectionFailure,
  ResponseHandler,
  ResponseHead,
} from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";
import {
  type AttemptFailure,
  isOwnLack,
  judgeAttempt,
  messageOfError,
  readRetryAfter,
} from "../core/attempts/attempt-outcome.ts";
import type { AnswerReader } from "../core/stream/answer-reader.ts";
import type { LiveTarget } from "./live-upstream.ts";
import type { Watchdog, Watched } from "./watchdog.ts";

/** What became of an attempt. */
export type AttemptOutcome =
  /** It came to its proper end. */
  { readonly kind: "answered" } | { readonly kind: "failed"; readonly failure: AttemptFailure };

export interface AttemptLimits {
  /** Until the first real word of a stream, or the whole of a whole answer. */
  readonly firstTokenMs: number;
  /** Between two pieces of a stream. */
  readonly idleMs: number;
  readonly totalMs: number;
  /** Of a whole answer, in bytes. */
  readonly answerBytesMax: number;
}

export interface AttemptOptions {
  readonly target: LiveTarget;
  readonly request: ClientRequest;
  /** For a stream; undefined where a whole answer is wanted. */
  readonly reader: AnswerReader | undefined;
  readonly limits: AttemptLimits;
  readonly world: World;
  readonly watchdog: Watchdog;
  /** Some times a second, while it lasts. */
  readonly onTick: (nowMs: number) => void;
  /** Bytes for the client, of whole events. */
  readonly onPiece: (piece: Buffer) => void;
  /** Looks at a whole answer with status 200: undefined when it is one. */
  readonly readWhole: (body: Buffer) => AttemptFailure | undefined;
  readonly onDone: (outcome: AttemptOutcome) => void;
}

const errorBytesMax = 64 * 1024;

/**
 * One try at one target. States: sent → answering → over, or cancelled from each. It keeps the time
 * limits, tells the target's health what it saw, and ends exactly once, unless it was cancelled.
 */
export class Attempt implements ResponseHandler, Watched {
  readonly #options: AttemptOptions;
  readonly #startedMs: number;
  #call: ClientCall | undefined;
  #isOver: boolean = false;
  #isPaused: boolean = false;
  #isFresh: boolean = false;
  #head: ResponseHead | undefined;
  #isStream: boolean = false;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #lastByteMs: number;
  #firstTokenMs: number | undefined;
  /** Something of the answer went to the client. */
  #hasPassedOn: boolean = false;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#startedMs = options.world.clock.monotonicMs();
    this.#lastByteMs = this.#startedMs;
    options.target.started();
    options.watchdog.watch(this);
    this.#send(options.request.freshConnection === true);
  }

  /** Milliseconds of the monotonic clock. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** From the start to the first real word; undefined while there was none. */
  get firstTokenMs(): number | undefined {
    return this.#firstTokenMs;
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  get hasPassedOn(): boolean {
    return this.#hasPassedOn;
  }

  #send(isFresh: boolean): void {
    const { target, request } = this.#options;
    this.#isFresh = isFresh;
    this.#call = target.upstream.pool.send(
      isFresh ? { ...request, freshConnection: true } : request,
      this,
    );
  }

  /** The client has gone: the upstream is told by a closed connection, and nobody else is. */
  cancel(): void {
    if (this.#isOver) return;
    this.#close();
    this.#call?.cancel();
    this.#options.target.failed("none", { detail: "", nowMs: this.#nowMs() });
  }

  /** The client reads slower than the upstream speaks. */
  pause(): void {
    if (this.#isOver || this.#isPaused) return;
    this.#isPaused = true;
    this.#call?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lastByteMs = this.#nowMs();
    this.#call?.resume();
  }

  tick(nowMs: number): void {
    if (this.#isOver) return;
    const { limits } = this.#options;
    const totalMs = nowMs - this.#startedMs;
    if (totalMs > limits.totalMs) {
      this.#giveUp({ kind: "total_timeout", detail: `after ${limits.totalMs} ms` });
    } else if (this.#firstTokenMs === undefined && totalMs > limits.firstTokenMs) {
      this.#giveUp({ kind: "first_token_timeout", detail: `after ${limits.firstTokenMs} ms` });
    } else if (
      this.#firstTokenMs !== undefined &&
      !this.#isPaused &&
      nowMs - this.#lastByteMs > limits.idleMs
    ) {
      this.#giveUp({ kind: "idle_timeout", detail: `silent for ${limits.idleMs} ms` });
    } else this.#options.onTick(nowMs);
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
    this.#lastByteMs = this.#nowMs();
    const type = head.headers.get("content-type") ?? "";
    this.#isStream =
      head.status === 200 &&
      this.#options.reader !== undefined &&
      type.toLowerCase().startsWith("text/event-stream");
  }

  onChunk(chunk: Buffer): void {
    if (this.#isOver) return;
    const nowMs = this.#nowMs();
    if (this.#firstTokenMs !== undefined) this.#options.target.stall.gap(nowMs - this.#lastByteMs);
    this.#lastByteMs = nowMs;
    if (this.#isStream) this.#readStream(chunk);
    else this.#collect(chunk);
  }

  #readStream(chunk: Buffer): void {
    const { reader, onPiece } = this.#options;
    if (reader === undefined) return;
    const piece = reader.push(chunk);
    // What fails with its first words has said nothing yet: another target can begin anew.
    const isStillborn = reader.failure !== undefined && !this.#hasPassedOn;
    if (this.#firstTokenMs === undefined && reader.hasSpoken && !isStillborn) {
      this.#firstTokenMs = this.#lastByteMs - this.#startedMs;
      this.#options.target.stall.firstToken(this.#firstTokenMs);
    }
    if (piece !== undefined && !isStillborn) {
      onPiece(piece);
      this.#hasPassedOn = true;
    }
    if (reader.failure !== undefined) this.#giveUp(streamFailure(reader));
    else if (reader.isSatisfied) this.#endEarly();
  }

  /** All that is wanted has come, though the upstream does not know. */
  #endEarly(): void {
    if (this.#isOver) return;
    this.#call?.cancel();
    this.#succeed();
  }

  #collect(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    const isError = this.status !== 200;
    if (this.#bodyBytes > this.#options.limits.answerBytesMax) {
      this.#giveUp({ kind: "malformed", detail: "the answer is too large" });
    } else if (!isError || this.#bodyBytes <= errorBytesMax) {
      this.#body.push(chunk);
    }
  }

  onEnd(): void {
    if (this.#isOver) return;
    const { reader } = this.#options;
    if (this.#isStream && reader !== undefined) {
      reader.end();
      if (reader.isComplete) this.#succeed();
      else this.#fail(streamFailure(reader));
      return;
    }
    const [first] = this.#body;
    const body = this.#body.length === 1 && first !== undefined ? first : Buffer.concat(this.#body);
    const failure = this.status === 200 ? this.#options.readWhole(body) : this.#statusFailure(body);
    if (failure === undefined) this.#succeed();
    else this.#fail(failure);
  }

  onFailure(failure: ConnectionFailure): void {
    if (this.#isOver) return;
    const detail = failure.error.message;
    if (failure.headReceived) {
      this.#fail({ kind: "broken", detail });
    } else if (failure.reusedConnection && !this.#isFresh) {
      // The server closed it while it was idle; that says nothing about the server.
      this.#send(true);
    } else {
      this.#fail({ kind: isOwnLack(failure.error) ? "no_connection" : "unreachable", detail });
    }
  }

  #statusFailure(body: Buffer): AttemptFailure {
    const { status } = this;
    const headers = this.#head?.headers;
    const error = errorIn(body);
    return {
      kind: "status",
      status,
      retryAfterMs: readRetryAfter(headers?.get("retry-after"), this.#options.world.clock.nowMs()),
      error,
      detail: `status ${status}: ${messageOfError(error) || body.toString("latin1", 0, 200)}`,
    };
  }

  #nowMs(): number {
    return this.#options.world.clock.monotonicMs();
  }

  #close(): void {
    this.#isOver = true;
    this.#options.watchdog.unwatch(this);
  }

  /** Ends it before the upstream does. */
  #giveUp(failure: AttemptFailure): void {
    if (this.#isOver) return;
    this.#call?.cancel();
    this.#fail(failure);
  }

  #fail(failure: AttemptFailure): void {
    this.#close();
    const { target, onDone } = this.#options;
    const { health } = judgeAttempt(failure);
    target.failed(health, { detail: failure.detail, nowMs: this.#nowMs() });
    onDone({ kind: "failed", failure });
  }

  #succeed(): void {
    this.#close();
    const nowMs = this.#nowMs();
    this.#firstTokenMs ??= nowMs - this.#startedMs;
    this.#options.target.succeeded(this.#firstTokenMs, nowMs);
    this.#options.onDone({ kind: "answered" });
  }
}

function streamFailure({ failure }: AnswerReader): AttemptFailure {
  const detail = failure?.detail ?? "the stream has no end";
  if (failure?.kind === "error_event") return { kind: "error_body", error: failure.error, detail };
  if (failure?.kind === "diverged") return { kind: "diverged", detail };
  return { kind: failure?.kind === "malformed" ? "malformed" : "broken", detail };
}

/** The error object of a JSON body in OpenAI's form, or a flat one as DashScope's native API has. */
function errorIn(body: Buffer): unknown {
  try {
    const value = JSON.parse(body.toString()) as { readonly error?: unknown } | null;
    return value?.error ?? value ?? undefined;
  } catch {
    return undefined;
  }
}
