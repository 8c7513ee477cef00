import type { Exchange } from "@tandem/libs/http";
import { idFromBytes, priorityField } from "@tandem/libs/kernel";
import type { Config } from "../config.ts";
import { clientTimeoutMs } from "../core/grpc-timeout.ts";
import { acceptTraceparent, newTraceparent } from "../core/trace-context.ts";
import { routerFaults } from "../faults.ts";
import type { RouterParts } from "../router-parts.ts";
import type { AdmittedRequest } from "./admitted-request.ts";

const wellFormedId = /^[A-Za-z0-9._:/+=-]{1,128}$/;
const tracestateBytesMax = 512;
/** Ten for the id, and behind them 24 for a trace: drawn at once. */
const idBytes = 10;
const traceBytes = 24;

/**
 * First phase: names the request and starts its clocks. Never throws; what is wrong with the
 * request is for `checkAdmission`, so that even a refusal carries its id.
 */
export function admit(
  exchange: Exchange,
  { config, world, crossOrigin }: Pick<RouterParts, "config" | "world" | "crossOrigin">,
): AdmittedRequest {
  const { headers, path } = exchange.head;
  const clientRequestId = headers.get("x-request-id");
  const traceparent = acceptTraceparent(headers.get("traceparent"));
  const tracestate = traceparent === undefined ? undefined : headers.get("tracestate");
  const timeoutMs = clientTimeoutMs(headers) ?? Number.POSITIVE_INFINITY;
  const isSocket = exchange.protocol === "websocket";
  const limitMs = isSocket ? config.socketTimeoutMs : config.requestTimeoutMs;
  const startedAtMs = world.clock.monotonicMs();
  const isKept = clientRequestId !== undefined && wellFormedId.test(clientRequestId);
  const random = world.randomness.bytes(idBytes + traceBytes);
  return {
    exchange,
    id: idFromBytes("req", { timestampMs: world.clock.nowMs(), random }),
    clientRequestId: isKept ? clientRequestId : undefined,
    traceparent: traceparent ?? newTraceparent(random.subarray(idBytes)),
    tracestate: (tracestate?.length ?? 0) <= tracestateBytesMax ? tracestate : undefined,
    path,
    crossOriginFields: crossOrigin.fieldsFor({ path, headers }),
    startedAtMs,
    deadlineAtMs: startedAtMs + Math.min(limitMs, timeoutMs),
    gateway: "",
    target: "",
    attempts: 0,
    status: 0,
    firstByteMs: undefined,
    isStream: false,
    requestBytes: 0,
    answerBytes: 0,
    outcome: "answered",
    reason: undefined,
  };
}

/** Of the room for requests, what requests for models may fill: who manages gets in all the same. */
const modelShare = 0.9;
/** And those of them that say themselves that they can be turned away. */
const sheddableShare = 0.8;

/** Throws when there is no room for the request, or its declared body is too large. */
export function checkAdmission(
  request: AdmittedRequest,
  { config, underWay }: { config: Config; underWay: number },
): void {
  if (underWay >= roomFor(request, config)) {
    throw routerFaults.overloaded({ retryAfterMs: 1_000 });
  }
  const { contentLength = 0 } = request.exchange.head;
  if (contentLength > config.bodyLimitBytes) throw routerFaults.body_too_large();
}

/** Which key a request has is for gateways to know; here it is taken at its own word. */
function roomFor({ path, exchange }: AdmittedRequest, { requestsMax }: Config): number {
  if (path.startsWith("/api/")) return requestsMax;
  const isSheddable = exchange.head.headers.get(priorityField) === "sheddable";
  return Math.max(1, Math.floor(requestsMax * (isSheddable ? sheddableShare : modelShare)));
}
