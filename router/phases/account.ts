import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Config } from "../config.ts";
import type { AdmittedRequest } from "./admitted-request.ts";

export interface Accountant {
  /** Last phase: after the answer, so that nobody waits for it. */
  account(request: AdmittedRequest): void;
  /** Brings the counters up to date; otherwise they are a second behind. */
  flush(): void;
  stop(): void;
}

const flushPeriodMs = 1_000;
/** Lines of requests that went wrong; in a flood of them the rest is sampled like what went well. */
const linesPerFlush = 200;

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Counts every request and logs the telling ones: those that failed, broke off or were slow, so
 * many a second, and every n-th of the rest.
 */
export function createAccountant(given: {
  readonly config: Config;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
}): Accountant {
  const { config, world, log } = given;
  const metrics = declareMetrics(given.metrics);
  // Labels are looked up once a second for each kind of ending, not once a request.
  const endings = new Map<string, number>();
  /** Streamed answers that began, and those of them that began late. */
  const streamed = new Map<string, { begun: number; late: number }>();
  let fine = 0;
  let linesLeft = linesPerFlush;
  const flush = (): void => {
    linesLeft = linesPerFlush;
    for (const [ending, count] of endings) {
      const [gateway = "", status = "", outcome = ""] = ending.split(" ");
      metrics.requests.add(count, { gateway, status, outcome });
    }
    endings.clear();
    for (const [gateway, { begun, late }] of streamed) {
      metrics.begun.add(begun, { gateway });
      metrics.late.add(late, { gateway });
    }
    streamed.clear();
  };
  const timer = world.timers.every(flushPeriodMs, flush);
  return {
    flush,
    stop: () => {
      timer.cancel();
      flush();
    },
    account(request) {
      const durationMs = world.clock.monotonicMs() - request.startedAtMs;
      const gateway = request.gateway === "" ? "none" : request.gateway;
      const ending = `${gateway} ${request.status} ${request.outcome}`;
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
      metrics.duration.observe(durationMs / 1_000, { gateway });
      if (request.isStream && request.firstByteMs !== undefined) {
        metrics.firstByte.observe(request.firstByteMs / 1_000, { gateway });
        const counts = streamed.get(gateway) ?? { begun: 0, late: 0 };
        counts.begun += 1;
        if (request.firstByteMs > config.slowFirstByteMs) counts.late += 1;
        streamed.set(gateway, counts);
      }
      if (request.attempts > 1) metrics.retries.add(request.attempts - 1, { gateway });
      const isFine =
        request.status < 500 &&
        request.outcome !== "cut" &&
        request.outcome !== "failed" &&
        durationMs < config.slowRequestMs;
      const isTold = !isFine && linesLeft > 0;
      if (isTold) linesLeft -= 1;
      else fine += 1;
      if (isTold || fine % config.logEvery === 0) logRequest(log, request, durationMs);
    },
  };
}

function declareMetrics(metrics: Metrics) {
  return {
    requests: metrics.counter({
      name: "tandem_router_requests_total",
      help: "Requests, by gateway, status and how they ended.",
      labels: ["gateway", "status", "outcome"],
      isTold: true,
    }),
    begun: metrics.counter({
      name: "tandem_router_streams_begun_total",
      help: "Streamed answers that began, by gateway.",
      labels: ["gateway"],
      isTold: true,
    }),
    late: metrics.counter({
      name: "tandem_router_streams_late_total",
      help: "Those of them that began later than `router.slow_first_byte`.",
      labels: ["gateway"],
      isTold: true,
    }),
    retries: metrics.counter({
      name: "tandem_router_retries_total",
      help: "Attempts beyond the first, by gateway.",
      labels: ["gateway"],
    }),
    duration: metrics.histogram({
      name: "tandem_router_request_duration_seconds",
      help: "From a request's head to the end of its answer.",
      labels: ["gateway"],
      buckets: [...latencyBuckets, 60, 120, 300, 600],
    }),
    firstByte: metrics.histogram({
      name: "tandem_router_first_byte_seconds",
      help: "From a request's head to the head of its answer, of those that are streamed.",
      labels: ["gateway"],
      buckets: latencyBuckets,
    }),
  };
}

function logRequest(log: Log, request: AdmittedRequest, durationMs: number): void {
  const { exchange } = request;
  log.info("request", {
    request_id: request.id,
    client_request_id: request.clientRequestId,
    trace_id: request.traceparent.slice(3, 35),
    method: exchange.head.method,
    path: request.path.slice(0, 256),
    protocol: exchange.protocol,
    gateway: request.gateway,
    target: request.target,
    status: request.status,
    outcome: request.outcome,
    reason: request.reason,
    attempts: request.attempts,
    duration_ms: round(durationMs),
    first_byte_ms: request.firstByteMs === undefined ? undefined : round(request.firstByteMs),
    request_bytes: request.requestBytes,
    answer_bytes: request.answerBytes,
  });
}

function round(valueMs: number): number {
  return Math.round(valueMs * 100) / 100;
}
