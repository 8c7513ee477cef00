/** Errors as Anthropic writes them. */
import type { Fault } from "@tandem/libs/kernel";

const typeByStatus: ReadonlyMap<number, string> = new Map([
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
]);

const overloaded = 529;

/** Anthropic's status for a fault that has `status` among ourselves. */
export function anthropicStatus(fault: Fault, status: number): number {
  if (fault.reason === "ai.upstreams_busy" || fault.reason === "ai.overloaded") return overloaded;
  if (fault.reason === "ai.unknown_model") return 404;
  // There is no 422 in this API.
  return status === 422 ? 400 : status;
}

function typeOf(fault: Fault): string {
  if (fault.reason === "ai.no_credit" || fault.reason === "ai.budget_reached") {
    return "billing_error";
  }
  const status = anthropicStatus(fault, fault.httpStatus);
  return typeByStatus.get(status) ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

/** Clients shorten their conversation when they read these words. */
function messageOf({ reason, publicMessage }: Fault): string {
  if (reason !== "ai.context_too_long" || /prompt is too long/i.test(publicMessage)) {
    return publicMessage;
  }
  return `prompt is too long: ${publicMessage}`;
}

export function anthropicErrorBody(fault: Fault, requestId: string): string {
  return JSON.stringify({
    type: "error",
    error: { type: typeOf(fault), message: messageOf(fault) },
    request_id: requestId,
  });
}

export function anthropicErrorEvent(fault: Fault, requestId: string): string {
  return `event: error\ndata: ${anthropicErrorBody(fault, requestId)}\n\n`;
}
