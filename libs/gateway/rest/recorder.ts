import type { Fault } from "../../kernel/index.ts";
import type { StoredAnswer } from "./idempotency.ts";
import type { Arrival, RestParts, RestWork } from "./work.ts";

/** Seconds; a management request reads one row or hashes one password. */
const durationBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export interface RequestRecord<Services> {
  /** A phase begins; the one before it has ended. */
  phase(name: string): void;
  close(ended: {
    readonly answer: StoredAnswer;
    readonly work?: RestWork<Services> | undefined;
    readonly fault?: Fault | undefined;
  }): void;
}

/** One wide log line and two metrics for each request, with the time that each phase took. */
export function createRecorder<Services>(parts: RestParts<Services>): {
  open(arrival: Arrival, startedMs: number): RequestRecord<Services>;
} {
  const { world, log, metrics, component } = parts;
  const requests = metrics.counter({
    name: "tandem_http_requests_total",
    help: "Requests answered, by route and status.",
    labels: ["component", "route", "method", "code"],
  });
  const durations = metrics.histogram({
    name: "tandem_http_request_duration_seconds",
    help: "From the request's head to its answer.",
    labels: ["component", "route", "method"],
    buckets: durationBuckets,
  });
  return {
    open(arrival, startedMs) {
      const began: (readonly [name: string, atMs: number])[] = [];
      return {
        phase: (name) => began.push([name, world.clock.monotonicMs()]),
        close({ answer, work, fault }) {
          const endedMs = world.clock.monotonicMs();
          const { method } = arrival.exchange.head;
          const route = work?.route.path ?? "(none)";
          requests.add(1, {
            component,
            route,
            method: labelOf(method),
            code: String(answer.status),
          });
          durations.observe((endedMs - startedMs) / 1000, {
            component,
            route,
            method: labelOf(method),
          });
          const line = {
            request_id: arrival.requestId,
            method,
            route,
            operation: work?.route.operationId,
            code: answer.status,
            actor: work?.caller.actor,
            organisation_id: work?.caller.claims.organisationId,
            degraded: work === undefined || work.marks.size === 0 ? undefined : [...work.marks],
            duration_s: seconds(endedMs - startedMs),
            phases: phaseSeconds(began, endedMs),
            ...(fault === undefined ? {} : describe(fault)),
          };
          // With a fault behind a good status: a file that was broken off.
          const isBroken = fault !== undefined && answer.status < 400;
          if (answer.status >= 500 || isBroken) log.error("request", line);
          else log.info("request", line);
        },
      };
    },
  };
}

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** A client can invent methods; a metric's label cannot take them all. */
function labelOf(method: string): string {
  return knownMethods.has(method) ? method : "other";
}

function describe(fault: Fault): Record<string, unknown> {
  const isOurs = fault.blame === "platform" && fault.code === "internal";
  const { cause } = fault;
  return {
    reason: fault.reason,
    blame: fault.blame,
    detail: fault.detail,
    stack: isOurs && cause instanceof Error ? cause.stack : undefined,
  };
}

function phaseSeconds(
  began: readonly (readonly [name: string, atMs: number])[],
  endedMs: number,
): Record<string, number> {
  const durations: Record<string, number> = {};
  for (const [index, [name, atMs]] of began.entries()) {
    durations[name] = seconds((began[index + 1]?.[1] ?? endedMs) - atMs);
  }
  return durations;
}

function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1_000_000;
}
