/**
 * Faults as RFC 9457 problem details, the one error shape of the management plane. `type` is the
 * fault's stable reason as a relative reference, `title` the same for every fault of its code,
 * `detail` what happened this time and what to do. Nothing of `Fault.detail` or its cause goes out.
 */
import type { HeaderFields } from "../http/index.ts";
import type { Fault, FaultCode } from "../kernel/index.ts";

export const problemMediaType = "application/problem+json";

const titles: Readonly<Record<FaultCode, string>> = {
  canceled: "Canceled",
  unknown: "Unknown error",
  invalid_argument: "Invalid request",
  deadline_exceeded: "Too slow",
  not_found: "Not found",
  already_exists: "Exists already",
  permission_denied: "Not allowed",
  resource_exhausted: "Too much",
  failed_precondition: "Not possible in this state",
  aborted: "In conflict with another request",
  out_of_range: "Out of range",
  unimplemented: "Not supported",
  internal: "Internal error",
  unavailable: "Not available at the moment",
  data_loss: "Data is damaged",
  unauthenticated: "Not signed in",
};

/** Members of `context` that are meant for the client; the rest is for the log. */
const publicContext = new Set(["limit_source", "key_id"]);

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly request_id: string;
  /** By field, for `rest.invalid_input`. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  readonly [extension: string]: unknown;
}

export function faultToProblem(fault: Fault, requestId: string): Problem {
  const problem: Record<string, unknown> & Problem = {
    type: `/errors/${fault.reason}`,
    title: titles[fault.code],
    status: fault.httpStatus,
    detail: fault.publicMessage,
    request_id: requestId,
  };
  if (fault.reason === "rest.invalid_input") {
    const errors = Object.entries(fault.context);
    return {
      ...problem,
      errors: errors.map(([field, message]) => ({ field, message: String(message) })),
    };
  }
  for (const [name, value] of Object.entries(fault.context)) {
    if (publicContext.has(name)) problem[name] = value;
  }
  return problem;
}

/** `Retry-After` in whole seconds, rounded up (RFC 9110, section 10.2.3), where a fault says when. */
export function retryAfterHeaders(fault: Fault): HeaderFields {
  if (fault.retryAfterMs === undefined) return [];
  return [["retry-after", String(Math.max(1, Math.ceil(fault.retryAfterMs / 1000)))]];
}
