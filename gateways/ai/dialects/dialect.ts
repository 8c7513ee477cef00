/**
 * The seam between the wire and everything behind it. Inside there is one form of a request and of
 * its answer: OpenAI's, with DeepSeek's extras (`core/request`, `core/stream`, `core/whole`). Who
 * speaks otherwise is translated at the edge, on the way in by `read`, on the way out by an
 * `AnswerForm`; keys, limits, prices, cache, attempts, continuation and trace never know.
 */
import type { SubjectLimits } from "@tandem/libs/gateway";
import type { Fault } from "@tandem/libs/kernel";
import type {
  Endpoint,
  GenerationRequest,
  RequestProblem,
} from "../core/request/generation-request.ts";

export type DialectName = "openai" | "anthropic" | "responses";

export type Fields = readonly (readonly [name: string, value: string])[];

/** A request in canonical form, and how its answer is to be told. */
export interface ReadRequest {
  readonly request: GenerationRequest;
  /** Undefined where the canonical bytes are the dialect's own: they go out untouched. */
  readonly form: AnswerForm | undefined;
  /** Members that have no effect here, told to the client. */
  readonly ignored: readonly string[];
  /** Where an answer can be read again and gone on from. */
  readonly keeping?: Keeping;
}

/** How a request stands to what was said before, and what is to be kept of it. */
export interface Keeping {
  /** Of the answer. */
  readonly id: string;
  /** The answer it goes on from; empty for none. */
  readonly previousId: string;
  readonly isStored: boolean;
  /** It is made in the background: accepted at once, and gone on with whoever listens. */
  readonly isBackground: boolean;
  /** The request's own words, as it gave them. */
  readonly items: readonly unknown[];
  /** Canonical messages at the beginning that hold for this request alone. */
  readonly instructions: number;
  /** A whole canonical answer as the client is told it. */
  readonly told: (canonical: string) => string;
}

/**
 * One answer in another dialect. It is fed what a client of the canonical form would have been
 * sent, in order, and has the state of one stream. Pure: the same events make the same bytes.
 */
export interface AnswerForm {
  /** What is told of a request that was accepted, before anything of its answer is there. */
  opening?(given: { readonly createdAt: number; readonly model: string }): string;
  /** Whole canonical events; what they come to, which may be nothing yet. */
  events(piece: Buffer | string): Buffer | string;
  /**
   * The same of an event that brings these words and nothing else, which as JSON are as they are.
   * Undefined where the event itself is wanted.
   */
  words(words: string): string | undefined;
  /** The body of a whole canonical answer. */
  whole(body: Buffer | string): Buffer | string;
  /** What a stream says when it fails after it has begun; the connection is cut after it. */
  failure(fault: Fault, requestId: string): string;
}

/** What was asked, besides the body. */
export interface ReadGiven {
  readonly endpoint: Endpoint;
  readonly requestId: string;
}

export interface Dialect {
  readonly name: DialectName;
  /** Reads a body into canonical form, or says what is wrong with it in the dialect's words. */
  readonly read: (body: Buffer, given: ReadGiven) => ReadRequest | RequestProblem;
  /**
   * The canonical events of which a stream's events were made, as far as they tell; undefined where
   * they cannot be told. Absent in a dialect whose streams are not handed over.
   */
  readonly readSent?: (sent: Buffer) => Buffer | undefined;
  /** Signs of life: in a stream, and before a whole answer. */
  readonly keepAlive: { readonly inStream: string; readonly beforeWhole: string };
  /** The status under which this dialect tells a fault that has `status` among ourselves. */
  readonly statusOf: (fault: Fault, status: number) => number;
  readonly errorBody: (fault: Fault, requestId: string) => string;
  /** An error in a stream of which nothing was translated yet. */
  readonly errorEvent: (fault: Fault, requestId: string) => string;
  /** Whether and when to come back, in header fields. */
  readonly retryFields: (fault: Fault) => Fields;
  /** Where the caller's limits stand. `nowMs` of the monotonic clock, `wallMs` of the other. */
  readonly limitFields: (
    limits: SubjectLimits,
    now: { readonly nowMs: number; readonly wallMs: number },
  ) => Fields;
  /** The same for a request that a limit refused, from what the fault says of it. */
  readonly refusedLimitFields: (fault: Fault, wallMs: number) => Fields;
  /** Whose answer it is, where clients of this dialect want to know. */
  readonly callerFields: (organisationId: string) => Fields;
}
