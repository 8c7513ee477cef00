import type { Exchange, HeaderFields } from "@tandem/libs/http";

/** How a request ended, for metrics and the log. */
export type Outcome = "answered" | "refused" | "failed" | "cut" | "client_left";

/** One request on its way through the phases. What is not readonly is what `account` reports. */
export interface AdmittedRequest {
  readonly exchange: Exchange;
  /** Made here; the caller's own one, if it sent any, is only passed on. */
  readonly id: string;
  readonly clientRequestId: string | undefined;
  readonly traceparent: string;
  readonly tracestate: string | undefined;
  readonly path: string;
  /** Of its answer, whatever that is, for the page in a browser that may be behind it. */
  readonly crossOriginFields: HeaderFields;
  /** Milliseconds of the monotonic clock. */
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
  gateway: string;
  target: string;
  attempts: number;
  status: number;
  /** Until the answer's head, in milliseconds; undefined when none came. */
  firstByteMs: number | undefined;
  /** The answer left in pieces, as they came. */
  isStream: boolean;
  requestBytes: number;
  answerBytes: number;
  outcome: Outcome;
  /** Of the router's own refusals and failures. */
  reason: string | undefined;
}
