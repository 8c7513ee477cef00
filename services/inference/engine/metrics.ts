import type { Counter, Gauge, Histogram, Metrics } from "@tandem/libs/telemetry";

export interface EngineMetrics {
  /** Labels `model` and `kind`: input, cached_input, output. */
  readonly tokens: Counter;
  readonly firstTokenSeconds: Histogram;
  readonly answerSeconds: Histogram;
  readonly waiting: Gauge;
}

export function declareMetrics(metrics: Metrics): EngineMetrics {
  const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120];
  return {
    tokens: metrics.counter({
      name: "tandem_engine_tokens_total",
      help: "Tokens that the embedded engine read, found in its prefix, and wrote.",
      labels: ["model", "kind"],
    }),
    firstTokenSeconds: metrics.histogram({
      name: "tandem_engine_first_token_seconds",
      help: "From a request's turn to its first token.",
      labels: ["model"],
      buckets,
    }),
    answerSeconds: metrics.histogram({
      name: "tandem_engine_answer_seconds",
      help: "From a request's turn to the end of its answer.",
      labels: ["model"],
      buckets,
    }),
    waiting: metrics.gauge({
      name: "tandem_engine_waiting_requests",
      help: "Requests that wait for the embedded engine.",
    }),
  };
}
