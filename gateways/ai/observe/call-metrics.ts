import { formatNanos } from "@tandem/libs/kernel";
import type { Counter, Gauge, Histogram, Metrics } from "@tandem/libs/telemetry";
import type { Call } from "../call.ts";

const durationBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const firstTokenBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];
const perTokenBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5];
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];

/** Figures of the requests of one model at one upstream, with names and units as Prometheus asks. */
export interface CallMetrics {
  observe(call: Call, durationMs: number): void;
  /** Gauges, now and then. */
  gauge(figures: { readonly inFlight: number; readonly streamsOpen: number }): void;
}

interface Instruments {
  readonly http: Counter;
  readonly httpDuration: Histogram;
  readonly requests: Counter;
  readonly duration: Histogram;
  readonly firstToken: Histogram;
  readonly perToken: Histogram;
  readonly overhead: Histogram;
  readonly tokens: Counter;
  readonly cost: Counter;
  readonly cache: Counter;
  readonly retries: Counter;
  readonly refusals: Counter;
  readonly inFlight: Gauge;
  readonly streamsOpen: Gauge;
}

export function createCallMetrics(metrics: Metrics): CallMetrics {
  const instruments = declare(metrics);
  const component = "ai";
  return {
    observe(call, durationMs) {
      const route = call.endpoint;
      const { http, httpDuration, cache, refusals } = instruments;
      http.add(1, { component, route, method: "POST", code: String(call.status) });
      httpDuration.observe(durationMs / 1_000, { component, route, method: "POST" });
      if (call.cacheMark !== "bypass") cache.add(1, { cache: "answer", result: call.cacheMark });
      const limit = refusedLimit(call);
      if (limit !== undefined) refusals.add(1, { limit });
      if (call.knownModel !== undefined) observeInference(instruments, call, durationMs);
    },
    gauge({ inFlight, streamsOpen }) {
      instruments.inFlight.set(inFlight, { component });
      instruments.streamsOpen.set(streamsOpen, { component });
    },
  };
}

function observeInference(instruments: Instruments, call: Call, durationMs: number): void {
  const { usage, attempts, outcome, price, target, firstTokenMs } = call;
  const model = call.model.id;
  const upstream = target?.upstream.settings.name ?? "none";
  const labels = { model, upstream };
  instruments.requests.add(1, { ...labels, surface: "openai", outcome });
  instruments.duration.observe(durationMs / 1_000, labels);
  let upstreamMs = 0;
  for (const attempt of attempts) upstreamMs += attempt.durationMs;
  instruments.overhead.observe(Math.max(0, durationMs - upstreamMs) / 1_000, { component: "ai" });
  if (firstTokenMs > 0) {
    instruments.firstToken.observe(firstTokenMs / 1_000, labels);
    const rest = durationMs - firstTokenMs;
    if (usage.outputTokens > 1) {
      instruments.perToken.observe(rest / 1_000 / (usage.outputTokens - 1), labels);
    }
  }
  countTokens(instruments.tokens, call, labels);
  if (attempts.length > 1) countRetries(instruments.retries, call);
  if (price !== undefined && call.chargedNanos > 0n) {
    const charged = Number(formatNanos(call.chargedNanos));
    instruments.cost.add(charged, { model, currency: price.currency, side: "charged" });
  }
}

function countTokens(
  tokens: Counter,
  { usage }: Call,
  labels: { readonly model: string; readonly upstream: string },
): void {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = usage;
  if (inputTokens > 0) tokens.add(inputTokens, { ...labels, kind: "input" });
  if (cachedInputTokens > 0) tokens.add(cachedInputTokens, { ...labels, kind: "cached_input" });
  if (outputTokens > 0) tokens.add(outputTokens, { ...labels, kind: "output" });
  if (reasoningTokens > 0) tokens.add(reasoningTokens, { ...labels, kind: "reasoning" });
}

function countRetries(retries: Counter, { attempts, model }: Call): void {
  for (const [index, attempt] of attempts.entries()) {
    const next = attempts[index + 1];
    if (next === undefined) return;
    const reason = attempt.failure.split(":")[0] ?? "";
    retries.add(1, { model: model.id, from: attempt.upstream, to: next.upstream, reason });
  }
}

/** Which limit turned a request away. */
function refusedLimit({ fault }: Call): string | undefined {
  if (fault?.reason === "ai.no_credit") return "credit";
  if (fault?.reason === "ai.budget_reached") return "budget";
  if (fault?.reason !== "ai.rate_limited") return undefined;
  const kind = fault.context["limit_kind"];
  if (kind === "tokens") return "tpm";
  return kind === "concurrency" ? "concurrency" : "rpm";
}

function declare(metrics: Metrics): Instruments {
  const inference = ["model", "upstream"];
  const counter = (name: string, help: string, labels: readonly string[]): Counter =>
    metrics.counter({ name, help, labels });
  const histogram = (
    name: string,
    help: string,
    given: { labels: readonly string[]; buckets: readonly number[] },
  ): Histogram => metrics.histogram({ name, help, ...given });
  const durations = { labels: inference, buckets: durationBuckets };
  return {
    http: counter("tandem_http_requests_total", "Requests answered, by route and status.", [
      "component",
      "route",
      "method",
      "code",
    ]),
    httpDuration: histogram(
      "tandem_http_request_duration_seconds",
      "From the request's head to its answer.",
      { labels: ["component", "route", "method"], buckets: durationBuckets },
    ),
    requests: counter(
      "tandem_inference_requests_total",
      "Requests for a model, by how they ended.",
      [...inference, "surface", "outcome"],
    ),
    duration: histogram("tandem_inference_duration_seconds", "Whole requests.", durations),
    firstToken: histogram("tandem_time_to_first_token_seconds", "Until the first real word.", {
      labels: inference,
      buckets: firstTokenBuckets,
    }),
    perToken: histogram("tandem_time_per_output_token_seconds", "After the first one.", {
      labels: inference,
      buckets: perTokenBuckets,
    }),
    overhead: histogram("tandem_overhead_seconds", "A request's time not spent at upstreams.", {
      labels: ["component"],
      buckets: overheadBuckets,
    }),
    tokens: counter("tandem_tokens_total", "Tokens, by kind.", [...inference, "kind"]),
    cost: counter("tandem_cost_total", "Money, in units of the currency.", [
      "model",
      "currency",
      "side",
    ]),
    cache: counter("tandem_cache_requests_total", "Look-ups, by result.", ["cache", "result"]),
    retries: counter("tandem_retries_total", "Attempts after a first one.", [
      "model",
      "from",
      "to",
      "reason",
    ]),
    refusals: counter("tandem_quota_rejections_total", "Requests turned away, by limit.", [
      "limit",
    ]),
    inFlight: metrics.gauge({
      name: "tandem_requests_in_flight",
      help: "Requests being answered.",
      labels: ["component"],
    }),
    streamsOpen: metrics.gauge({
      name: "tandem_streams_open",
      help: "Streams being sent.",
      labels: ["component"],
    }),
  };
}
