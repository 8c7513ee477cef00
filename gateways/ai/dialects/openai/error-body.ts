/** Errors as OpenAI and DeepSeek write them. */

import type { Fault } from "@tandem/libs/kernel";
import { declinedFields } from "../../core/declined.ts";

interface ErrorWords {
  readonly type: string;
  readonly code: string;
}

const invalid = "invalid_request_error";

/** What clients branch on, where the status alone does not say it. */
const wordsByReason: ReadonlyMap<string, ErrorWords> = new Map(
  Object.entries({
    "ai.malformed_body": { type: invalid, code: "invalid_json" },
    "ai.invalid_parameter": { type: invalid, code: "invalid_parameter" },
    "ai.contradictory_request": { type: invalid, code: invalid },
    "ai.feature_unsupported": { type: invalid, code: "unsupported_parameter" },
    "ai.unknown_model": { type: invalid, code: "model_not_found" },
    "ai.previous_response_not_found": { type: invalid, code: "previous_response_not_found" },
    "ai.previous_response_open": { type: invalid, code: "previous_response_not_completed" },
    "ai.background_too_large": { type: invalid, code: "request_too_large" },
    "ai.no_moderations": { type: invalid, code: "moderations_unavailable" },
    "ai.context_too_long": { type: invalid, code: "context_length_exceeded" },
    "ai.no_such_endpoint": { type: invalid, code: "unknown_url" },
    "ai.method_not_allowed": { type: invalid, code: "method_not_allowed" },
    "ai.scope_missing": { type: invalid, code: "insufficient_permissions" },
    "ai.endpoint_not_allowed": { type: invalid, code: "insufficient_permissions" },
    "ai.address_not_allowed": { type: invalid, code: "address_not_allowed" },
    "ai.no_credit": { type: "insufficient_quota", code: "credit_balance_exhausted" },
    "ai.model_unpriced": { type: "api_error", code: "model_not_priced" },
    "ai.rate_limited": { type: "rate_limit_error", code: "rate_limit_exceeded" },
    "ai.overloaded": { type: "service_unavailable_error", code: "server_is_overloaded" },
    "ai.upstreams_busy": { type: "service_unavailable_error", code: "server_is_overloaded" },
    "ai.upstream_failed": { type: "api_error", code: "upstream_failed" },
    "ai.upstream_refused": { type: invalid, code: invalid },
    "ai.stream_broken": { type: "api_error", code: "stream_broken" },
    "ai.time_limit": { type: "api_error", code: "time_limit_exceeded" },
    "http.unsupported_method": { type: invalid, code: "method_not_allowed" },
    "ai.compressed_body": { type: invalid, code: "unsupported_content_encoding" },
    "http.body_too_large": { type: invalid, code: "request_too_large" },
    "identity.missing": { type: invalid, code: "invalid_api_key" },
    "identity.invalid": { type: invalid, code: "invalid_api_key" },
    "identity.expired": { type: invalid, code: "invalid_api_key" },
  }),
);

function wordsOf(fault: Fault): ErrorWords {
  const { context, reason, httpStatus } = fault;
  if (reason === "ai.budget_reached") {
    return { type: "insufficient_quota", code: `${context["limit_source"]}_spend_limit_exceeded` };
  }
  const words = wordsByReason.get(reason);
  const ownCode = context["upstream_code"];
  if (words !== undefined && typeof ownCode === "string" && ownCode !== "") {
    return { type: words.type, code: ownCode };
  }
  if (words !== undefined) return words;
  if (httpStatus === 429) return { type: "rate_limit_error", code: "rate_limit_exceeded" };
  if (httpStatus === 503) return { type: "service_unavailable_error", code: "unavailable" };
  if (httpStatus >= 500) return { type: "api_error", code: "internal_error" };
  return { type: invalid, code: invalid };
}

/** The body of an error answer; also what stands in an error event of a stream. */
export function errorBody(fault: Fault, requestId: string): string {
  const { context } = fault;
  const { type, code } = wordsOf(fault);
  const parameter = context["parameter"];
  const resetsAtMs = Number(context["resets_at_ms"]);
  return JSON.stringify({
    error: {
      message: fault.publicMessage,
      type,
      param: typeof parameter === "string" && parameter !== "" ? parameter : null,
      code,
      limit_source: context["limit_source"],
      ...(resetsAtMs > 0 ? { resets_at: new Date(resetsAtMs).toISOString() } : {}),
      attempts: context["attempts"],
      request_id: requestId,
    },
  });
}

/** What tells a client whether and when to come back. Whole seconds for those who read only them. */
export function retryFields(fault: Fault): (readonly [name: string, value: string])[] {
  const fields: (readonly [string, string])[] = [
    ["x-should-retry", fault.retry === "never" ? "false" : "true"],
    ...declinedFields(fault),
  ];
  const isLater = fault.retry !== "never" && (fault.httpStatus === 429 || fault.httpStatus === 503);
  const retryAfterMs = fault.retryAfterMs ?? (isLater ? 1_000 : undefined);
  if (retryAfterMs !== undefined && isLater) {
    fields.push(["retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1_000)))]);
    fields.push(["retry-after-ms", String(Math.max(1, Math.ceil(retryAfterMs)))]);
  }
  return fields;
}
