import type { Counter, Gauge, Histogram, Metrics } from "@tandem/libs/telemetry";
import type { Call } from "../call.ts";
import { PriorityTally } from "./priority-tally.ts";
import { Tallies } from "./tallies.ts";

const durationBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const firstTokenBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];
const perTokenBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5];
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];

/** Figures of the requests of one model at one upstream, with names and units as Prometheus asks. */
export interface CallMetrics {
  observe(call: Call, durationMs: number): void;
  /** Tells what was counted, and how things are; now and then. */
  flush(figures: { readonly inFlight: number; readonly streamsOpen: number }): void;
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
  readonly continuations: Counter;
  readonly seam: Histogram;
  readonly refusals: Counter;
  readonly inFlight: Gauge;
  readonly streamsOpen: Gauge;
}

export function createCallMetrics(metrics: Metrics): CallMetrics {
  const instruments = declare(metrics);
  const tallies = new Tallies();
  const byPriority = new PriorityTally(metrics);
  const component = "ai";
  return {
    observe(call, durationMs) {
      const { http, httpDuration, cache, refusals } = instruments;
      const { endpoint: route, status, cacheMark } = call;
      byPriority.count(call);
      tallies.add(`http ${route} ${status}`, 1, () => ({
        counter: http,
        labels: { component, route, method: "POST", code: String(status) },
      }));
      httpDuration.observe(durationMs / 1_000, { component, route, method: "POST" });
      if (cacheMark !== "bypass") {
        const labels = { cache: "answer", result: cacheMark };
        tallies.add(`cache ${cacheMark}`, 1, () => ({ counter: cache, labels }));
      }
      const limit = refusedLimit(call);
      if (limit !== undefined) refusals.add(1, { limit });
      if (call.knownModel === undefined) return;
      observeTimes(instruments, call, durationMs);
      countInference(instruments, tallies, call);
    },
    flush({ inFlight, streamsOpen }) {
      tallies.flush();
      byPriority.flush();
      instruments.inFlight.set(inFlight, { component });
      instruments.streamsOpen.set(streamsOpen, { component });
    },
  };
}

function labelsOf({ model, target }: Call): { readonly model: string; readonly upstream: string } {
  return { model: model.id, upstream: target?.upstream.settings.name ?? "none" };
}

function observeTimes(instruments: Instruments, call: Call, durationMs: number): void {
  const { usage, attempts, firstTokenMs } = call;
  const labels = labelsOf(call);
  instruments.duration.observe(durationMs / 1_000, labels);
  let upstreamMs = 0;
  for (const attempt of attempts) upstreamMs += attempt.durationMs;
  instruments.overhead.observe(Math.max(0, durationMs - upstreamMs) / 1_000, ourselves);
  if (firstTokenMs === 0) return;
  instruments.firstToken.observe(firstTokenMs / 1_000, labels);
  if (usage.outputTokens < 2) return;
  const perTokenMs = (durationMs - firstTokenMs) / (usage.outputTokens - 1);
  instruments.perToken.observe(perTokenMs / 1_000, labels);
}

const ourselves = { component: "ai" };

function countInference(instruments: Instruments, tallies: Tallies, call: Call): void {
  const { usage, attempts, outcome, price, chargedNanos, dialect } = call;
  const { requests, tokens, cost, retries } = instruments;
  const labels = labelsOf(call);
  const name = `${labels.model} ${labels.upstream}`;
  tallies.add(`requests ${dialect.name} ${outcome} ${name}`, 1, () => ({
    counter: requests,
    labels: { ...labels, surface: dialect.name, outcome },
  }));
  const count = (kind: string, value: number): void => {
    if (value === 0) return;
    const open = () => ({ counter: tokens, labels: { ...labels, kind } });
    tallies.add(`${kind} ${name}`, value, open);
  };
  count("input", usage.inputTokens);
  count("cached_input", usage.cachedInputTokens);
  count("output", usage.outputTokens);
  count("reasoning", usage.reasoningTokens);
  if (attempts.length > 1) countRetries(retries, call);
  if (call.splice !== undefined) countContinuation(instruments, call);
  if (price === undefined || chargedNanos === 0n) return;
  const { model } = labels;
  const { currency } = price;
  tallies.add(`charged ${name}`, Number(chargedNanos) / 1e9, () => ({
    counter: cost,
    labels: { model, currency, side: "charged" },
  }));
}

function countRetries(retries: Counter, { attempts, model }: Call): void {
  for (const [index, attempt] of attempts.entries()) {
    const next = attempts[index + 1];
    if (next === undefined) return;
    const reason = attempt.failure.split(":")[0] ?? "";
    retries.add(1, { model: model.id, from: attempt.upstream, to: next.upstream, reason });
  }
}

/** Of a stream that broke: whether it was gone on with to its end, and the gap its client saw. */
function countContinuation({ continuations, seam }: Instruments, call: Call): void {
  const { splice, outcome, model, handOver } = call;
  const broke = handOver === undefined ? "upstream" : "gateway";
  continuations.add(1, { model: model.id, broke, outcome });
  if (splice !== undefined && splice.resumed > 0) {
    seam.observe(splice.seamMsMax / 1_000, { model: model.id });
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

function declareContinuations(metrics: Metrics): Pick<Instruments, "continuations" | "seam"> {
  return {
    continuations: metrics.counter({
      name: "tandem_stream_continuations_total",
      help: "Streams that broke, by what broke and how they ended.",
      labels: ["model", "broke", "outcome"],
    }),
    seam: metrics.histogram({
      name: "tandem_stream_seam_seconds",
      help: "From the break of a stream to the next word for its client.",
      labels: ["model"],
      buckets: firstTokenBuckets,
    }),
  };
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
    ...declareContinuations(metrics),
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
