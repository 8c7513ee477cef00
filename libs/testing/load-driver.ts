import { parseNanos } from "../kernel/index.ts";
import { promptHashOf, referenceText } from "./engine/reference-text.ts";
import { type PlainAnswer, type PlainClient, plainClient } from "./plain-client.ts";
import { textOfStream, textOfWhole } from "./spoken-text.ts";

export interface LoadOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** Unary calls started a second, whether or not earlier ones have ended (open loop). */
  readonly callsPerSecond: number;
  /** Streams kept open at a time. */
  readonly streams: number;
  /** Tokens of each stream; with the engine's speed, its length. */
  readonly streamTokens: number;
  /** Tokens of each call's answer; 8. */
  readonly callTokens?: number;
  /** Attempts a call; 3. */
  readonly attempts?: number;
  /** Told of each failure as it happens. */
  readonly onFailure?: (failure: LoadFailure) => void;
  /** Told of each call that took longer than half a second. */
  readonly onSlow?: (call: SlowCall) => void;
}

export interface SlowCall {
  /** Milliseconds since the load began, when its answer was there. */
  readonly atMs: number;
  readonly tookMs: number;
  /** Of `x-request-id`; empty where there was none. */
  readonly requestId: string;
}

export interface LoadFailure {
  readonly kind: "call" | "stream";
  /**
   * `truncated`: not whole, and the client can see it. `unmarked`: not whole, and ended as if it
   * were. `wrong`: other text than the engine gives.
   */
  readonly what: "failed" | "truncated" | "unmarked" | "wrong";
  /** Milliseconds since the load began. */
  readonly atMs: number;
  readonly status: number;
  readonly detail: string;
}

export interface LoadReport {
  readonly calls: number;
  readonly streams: number;
  readonly failures: readonly LoadFailure[];
  /** Calls and streams that needed more than one attempt. */
  readonly retried: number;
  /** What the whole answers say that they cost, in nanos. */
  readonly costNanos: bigint;
  /** Streams that broke behind the router and went on, and the silence at their seams. */
  readonly resumed: number;
  readonly seamMsP50: number;
  readonly seamMsP99: number;
  readonly callMsP50: number;
  readonly callMsP99: number;
  readonly callMsP999: number;
  readonly callMsMax: number;
  /** Calls that took longer than half a second. */
  readonly slow: number;
  /** Attempts that found nobody listening. */
  readonly refused: number;
  /** Attempts on upstreams that an answer took, in the middle; 0 where none says. */
  readonly upstreamAttempts: number;
  /** Whole answers by what `x-tandem-degraded` says of them. */
  readonly marks: ReadonlyMap<string, number>;
}

export interface RunningLoad {
  /** Ended so far, calls and streams. */
  readonly finished: number;
  /** So far. */
  readonly failures: readonly LoadFailure[];
  /** Starts nothing new, waits for what runs, and reports. */
  stop(): Promise<LoadReport>;
}

const slowMs = 500;
const failurePauseMs = 500;

interface Tally {
  readonly startMs: number;
  calls: number;
  streams: number;
  retried: number;
  costNanos: bigint;
  finished: number;
  refused: number;
  readonly attempts: { told: number; sum: number };
  readonly marks: Map<string, number>;
  readonly callMs: number[];
  readonly seamMs: number[];
  readonly failures: LoadFailure[];
}

/**
 * Puts calls and streams on a product whose upstream is a mock engine, and checks each answer word
 * for word, so that a lost, doubled or foreign token counts as a failure too.
 */
export function startLoad(options: LoadOptions): RunningLoad {
  const { baseUrl, apiKey, attempts } = options;
  const client = plainClient({ baseUrl, apiKey, ...(attempts !== undefined && { attempts }) });
  const tally: Tally = {
    startMs: performance.now(),
    calls: 0,
    streams: 0,
    retried: 0,
    costNanos: 0n,
    finished: 0,
    refused: 0,
    attempts: { told: 0, sum: 0 },
    marks: new Map(),
    callMs: [],
    seamMs: [],
    failures: [],
  };
  const running = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    const tracked = work.finally(() => running.delete(tracked));
    running.add(tracked);
  };
  let isStopping = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - tally.startMs;
    const due = Math.floor((elapsedMs * options.callsPerSecond) / 1_000);
    while (tally.calls < due) {
      tally.calls += 1;
      track(ask(client, options, tally, "call"));
    }
  }, 10);
  const keepStreaming = async (): Promise<void> => {
    while (!isStopping) {
      tally.streams += 1;
      const failed = tally.failures.length;
      await ask(client, options, tally, "stream");
      // A refusal comes at once: without a pause the load would be made of refusals.
      if (tally.failures.length > failed) await pause(failurePauseMs);
    }
  };
  for (let index = 0; index < options.streams; index += 1) track(keepStreaming());
  return {
    get finished() {
      return tally.finished;
    },
    failures: tally.failures,
    async stop() {
      isStopping = true;
      clearInterval(timer);
      await Promise.all(running);
      client.close();
      return reportOf(tally);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function ask(
  client: PlainClient,
  options: LoadOptions,
  tally: Tally,
  kind: "call" | "stream",
): Promise<void> {
  const tokens = kind === "call" ? (options.callTokens ?? 8) : options.streamTokens;
  // No two prompts are alike, of no two runs either: a cached answer would prove nothing.
  const nonce = `${performance.timeOrigin + tally.startMs}/${tally.calls}.${tally.streams}`;
  const text = `${kind} ${nonce} tokens=${tokens}`;
  const answer = await client.call("POST", "/chat/completions", {
    model: options.model,
    messages: [{ role: "user", content: text }],
    ...(kind === "stream" && { stream: true }),
  });
  const expected = referenceText(promptHashOf([{ role: "user", text }]), tokens);
  const what = verdictOf(answer, kind, expected);
  tally.finished += 1;
  if (answer.attempts > 1) tally.retried += 1;
  tally.refused += answer.errors.filter((error) => error.includes("ECONNREFUSED")).length;
  const attempts = Number(answer.headers["x-tandem-attempts"]);
  if (attempts > 0) {
    tally.attempts.told += 1;
    tally.attempts.sum += attempts;
  }
  const mark = answer.headers["x-tandem-degraded"];
  if (typeof mark === "string") tally.marks.set(mark, (tally.marks.get(mark) ?? 0) + 1);
  if (kind === "call") countCall(answer, options, tally);
  if (answer.text.includes("\n\n: resumed\n\n")) tally.seamMs.push(answer.gapMsMax);
  if (what === undefined) {
    tally.costNanos += parseNanos(/"cost":"([\d.]+)"/.exec(answer.text)?.[1] ?? "0");
    return;
  }
  const failure = {
    kind,
    what,
    atMs: performance.now() - tally.startMs,
    status: answer.status,
    detail: answer.error ?? answer.text.slice(-200),
  };
  tally.failures.push(failure);
  options.onFailure?.(failure);
}

function countCall({ tookMs, headers }: PlainAnswer, { onSlow }: LoadOptions, tally: Tally): void {
  tally.callMs.push(tookMs);
  if (tookMs <= slowMs) return;
  const requestId = String(headers["x-request-id"] ?? "");
  onSlow?.({ atMs: performance.now() - tally.startMs, tookMs, requestId });
}

function verdictOf(
  answer: PlainAnswer,
  kind: "call" | "stream",
  expected: string,
): LoadFailure["what"] | undefined {
  if (answer.status !== 200) return "failed";
  const spoken = kind === "call" ? textOfWhole(answer.text) : textOfStream(answer.text);
  if (!answer.isComplete) return "truncated";
  if (spoken === undefined) return answer.text.includes('{"error":') ? "truncated" : "unmarked";
  return spoken === expected ? undefined : "wrong";
}

function reportOf(tally: Tally): LoadReport {
  const calls = tally.callMs.toSorted((a, b) => a - b);
  const seams = tally.seamMs.toSorted((a, b) => a - b);
  return {
    calls: tally.calls,
    streams: tally.streams,
    failures: tally.failures,
    retried: tally.retried,
    costNanos: tally.costNanos,
    resumed: seams.length,
    seamMsP50: quantile(seams, 0.5),
    seamMsP99: quantile(seams, 0.99),
    callMsP50: quantile(calls, 0.5),
    callMsP99: quantile(calls, 0.99),
    callMsP999: quantile(calls, 0.999),
    callMsMax: calls.at(-1) ?? 0,
    slow: calls.filter((ms) => ms > slowMs).length,
    refused: tally.refused,
    upstreamAttempts: tally.attempts.sum / Math.max(1, tally.attempts.told),
    marks: tally.marks,
  };
}

/** The value that this share (0 to 1) of rising values lies below; 0 of none. */
export function quantile(rising: readonly number[], share: number): number {
  return rising[Math.min(rising.length - 1, Math.floor(rising.length * share))] ?? 0;
}
