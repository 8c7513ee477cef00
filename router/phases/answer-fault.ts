import { type HeaderFields, nodeHttp, type RefusalBody } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import { grpcContentType, grpcTrailers, rpcFailure, rpcFormOf } from "@tandem/libs/rpc";
import { isGrpcType } from "../core/grpc-type.ts";
import type { AdmittedRequest } from "./admitted-request.ts";

export type FaultyRequest = Pick<AdmittedRequest, "path" | "id" | "exchange" | "crossOriginFields">;

interface FaultAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: string | Buffer;
}

/** Whose paths answer errors as RFC 9457 problems; all others in OpenAI's shape. */
const managementPrefix = "/api/";
/** Whose paths speak gRPC-web and Connect; gRPC itself is translated at the door. */
export const rpcPrefix = "/tandem.v1.";

/**
 * A fault of the router's own as the clients of that path expect it. Requests that may be sent
 * again say when; those that must not be say so to clients that would do it by themselves.
 */
export function respondFault(request: FaultyRequest, fault: Fault): void {
  const { status, headers, body } = faultAnswer(fault, request);
  request.exchange.noteFault?.(fault);
  request.exchange.respond(status, [...headers, ...request.crossOriginFields], body);
}

function faultAnswer(fault: Fault, { path, id: requestId, exchange }: FaultyRequest): FaultAnswer {
  const contentType = exchange.head.headers.get("content-type");
  const form = path.startsWith(rpcPrefix) ? rpcFormOf(contentType) : undefined;
  if (form !== undefined) {
    const { status, contentType: type, body } = rpcFailure(form, fault, requestId);
    const headers = [
      ["content-type", type],
      ["x-request-id", requestId],
    ] as const;
    return { status, headers, body };
  }
  const isManagement = path.startsWith(managementPrefix);
  const headers: [string, string][] = [
    ["content-type", isManagement ? "application/problem+json" : "application/json"],
    ["x-request-id", requestId],
  ];
  if (fault.retryAfterMs !== undefined) {
    headers.push(["retry-after", `${Math.max(1, Math.ceil(fault.retryAfterMs / 1_000))}`]);
  }
  if (fault.httpStatus >= 500 && fault.retry === "never") headers.push(["x-should-retry", "false"]);
  const body = isManagement ? problem(fault, requestId) : openAiError(fault, requestId);
  return { status: fault.httpStatus, headers, body: JSON.stringify(body) };
}

function problem(fault: Fault, requestId: string): object {
  return {
    type: `/errors/${fault.reason}`,
    title: nodeHttp.STATUS_CODES[fault.httpStatus] ?? "Error",
    status: fault.httpStatus,
    detail: fault.publicMessage,
    request_id: requestId,
  };
}

/** Reasons that have a code of OpenAI's; the rest is named by our own reason. */
const openAiCodes: Readonly<Record<string, string>> = {
  "router.overloaded": "server_is_overloaded",
  "router.gateway_unavailable": "server_is_overloaded",
  "http.overloaded": "server_is_overloaded",
};

function openAiError(fault: Fault, requestId: string | undefined): object {
  const suffix = requestId === undefined ? "" : ` (request_id: ${requestId})`;
  return {
    error: {
      message: `${fault.publicMessage}${suffix}`,
      type: openAiType(fault.httpStatus),
      param: null,
      code: openAiCodes[fault.reason] ?? fault.reason.replace(".", "_"),
    },
  };
}

/** What the door refuses before a request has a path or an id: most clients here speak OpenAI. */
export function describeRefusal(fault: Fault, askedAs = ""): RefusalBody {
  if (isGrpcType(askedAs)) {
    return { contentType: grpcContentType, body: "", fields: grpcTrailers(fault, "") };
  }
  return { contentType: "application/json", body: JSON.stringify(openAiError(fault, undefined)) };
}

/** OpenAI's error types, by status. */
function openAiType(status: number): string {
  if (status === 429) return "rate_limit_error";
  if (status < 500) return "invalid_request_error";
  return status === 503 ? "service_unavailable_error" : "api_error";
}
