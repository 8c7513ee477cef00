import type { Fact } from "./fact.ts";
import { binOf } from "./sketch.ts";
import { floorTo, type Level } from "./steps.ts";

/** The sums of one series over one step of time. */
export interface RollUp {
  readonly series: string;
  readonly atMs: number;
  requests: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  chargedNanos: bigint;
  upstreamNanos: bigint;
  estimatedRequests: number;
  readonly durations: Map<number, number>;
  readonly firstTokens: Map<number, number>;
}

/** A fact and the name of its series. */
export interface Placed {
  readonly fact: Fact;
  readonly series: string;
}

/**
 * Sums facts by series and step. Ordered by series and time, so that transactions that add to the
 * same sums lock them in the same order. Refused calls have no duration that says anything.
 */
export function rollUp(level: Level, placed: readonly Placed[]): readonly RollUp[] {
  const sums = new Map<string, RollUp>();
  for (const { fact, series } of placed) {
    const atMs = floorTo(level, fact.atMs);
    const name = `${series} ${atMs}`;
    let sum = sums.get(name);
    if (sum === undefined) {
      sum = emptyRollUp(series, atMs);
      sums.set(name, sum);
    }
    addFact(sum, fact);
  }
  return [...sums.values()].sort(
    (left, right) => compare(left.series, right.series) || left.atMs - right.atMs,
  );
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function emptyRollUp(series: string, atMs: number): RollUp {
  return {
    series,
    atMs,
    requests: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    chargedNanos: 0n,
    upstreamNanos: 0n,
    estimatedRequests: 0,
    durations: new Map(),
    firstTokens: new Map(),
  };
}

function addFact(sum: RollUp, fact: Fact): void {
  sum.requests += fact.requests;
  sum.inputTokens += fact.inputTokens;
  sum.cachedInputTokens += fact.cachedInputTokens;
  sum.outputTokens += fact.outputTokens;
  sum.reasoningTokens += fact.reasoningTokens;
  sum.chargedNanos += fact.chargedNanos;
  sum.upstreamNanos += fact.upstreamNanos;
  if (fact.estimated) sum.estimatedRequests += fact.requests;
  if (fact.outcome === "refused" || fact.requests === 0) return;
  if (fact.durationMs > 0) count(sum.durations, fact.durationMs);
  if (fact.firstTokenMs > 0) count(sum.firstTokens, fact.firstTokenMs);
}

function count(bins: Map<number, number>, ms: number): void {
  const bin = binOf(ms);
  bins.set(bin, (bins.get(bin) ?? 0) + 1);
}
