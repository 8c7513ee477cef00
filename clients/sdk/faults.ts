/**
 * Why it gave up:
 * - `unreachable`: no attempt got an answer.
 * - `stream_failed`: the server said in the stream that it cannot be completed.
 * - `stream_gone`: no site has the answer any more.
 * - `stream_refused`: whoever was asked for the rest refused; see `status`.
 * - `stream_broken`: the connection broke, and the rest was not told in time, or has no numbers.
 * - `stream_unfinished`: the stream ended in order, and not as an answer of its dialect ends.
 */
export type TandemErrorCode =
  | "unreachable"
  | "stream_failed"
  | "stream_gone"
  | "stream_refused"
  | "stream_broken"
  | "stream_unfinished";

export interface TandemErrorFacts {
  readonly code: TandemErrorCode;
  /** Attempts in a row that brought nothing. */
  readonly attempts: number;
  /** Look it up, or quote it, with this. */
  readonly requestId: string | undefined;
  /** With this and `lastEventId` the rest can still be asked for, where the answer is kept. */
  readonly idempotencyKey: string | undefined;
  readonly lastEventId: number;
  readonly status: number | undefined;
  readonly cause: unknown;
}

const sentences: Readonly<Record<TandemErrorCode, string>> = {
  unreachable: "No attempt was answered",
  stream_failed: "The server ended the stream without its end",
  stream_gone: "The stream broke, and its answer is not kept any more",
  stream_refused: "The stream broke, and the rest was refused",
  stream_broken: "The stream broke, and the rest could not be had",
  stream_unfinished: "The stream ended too soon",
};

/** What a request or the body of a stream fails with when nothing more can be done for it. */
export class TandemError extends Error {
  override readonly name = "TandemError";
  readonly code: TandemErrorCode;
  readonly attempts: number;
  readonly requestId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly lastEventId: number;
  readonly status: number | undefined;

  constructor(facts: TandemErrorFacts) {
    super(messageOf(facts), facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = facts.code;
    this.attempts = facts.attempts;
    this.requestId = facts.requestId;
    this.idempotencyKey = facts.idempotencyKey;
    this.lastEventId = facts.lastEventId;
    this.status = facts.status;
  }
}

function messageOf({ code, status, attempts, lastEventId, cause, requestId }: TandemErrorFacts) {
  const parts = [sentences[code]];
  if (status !== undefined) parts.push(` with status ${status}`);
  if (lastEventId > 0) parts.push(` behind event ${lastEventId}`);
  if (attempts > 1) parts.push(`, after ${attempts} attempts`);
  if (cause instanceof Error) parts.push(`: ${cause.message}`);
  return `${parts.join("")}.${requestId === undefined ? "" : ` Request id: ${requestId}.`}`;
}

/** Nothing was heard for longer than a living server is silent. */
export class SilenceError extends Error {
  override readonly name = "SilenceError";

  constructor(silenceMs: number) {
    super(`nothing was heard for ${silenceMs} ms`);
  }
}
