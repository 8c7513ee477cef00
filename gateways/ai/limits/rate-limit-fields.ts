import type { SubjectLimits } from "@tandem/libs/gateway";
import type { Fault } from "@tandem/libs/kernel";

type Fields = (readonly [name: string, value: string])[];
type Pool = SubjectLimits["pools"][number];

/** The tightest limit of each kind that clients are told of. */
export function tightestPools({ pools }: SubjectLimits, nowMs: number): readonly Pool[] {
  const tightest: Pool[] = [];
  for (const kind of ["requests", "tokens"] as const) {
    let least: Pool | undefined;
    for (const pool of pools) {
      if (pool.kind !== kind) continue;
      if (least === undefined || pool.remainingAt(nowMs) < least.remainingAt(nowMs)) least = pool;
    }
    if (least !== undefined) tightest.push(least);
  }
  return tightest;
}

/**
 * The six `x-ratelimit-…` fields that OpenAI's clients show, from the tightest limit of each kind.
 * None where there is no limit.
 */
export function rateLimitFields(limits: SubjectLimits, nowMs: number): Fields {
  const fields: Fields = [];
  for (const pool of tightestPools(limits, nowMs)) {
    fields.push(
      [`x-ratelimit-limit-${pool.kind}`, String(pool.limit)],
      [`x-ratelimit-remaining-${pool.kind}`, String(pool.remainingAt(nowMs))],
      [`x-ratelimit-reset-${pool.kind}`, durationText(pool.resetMsAt(nowMs))],
    );
  }
  return fields;
}

/** The same for a request that a limit refused, from what the fault says of it. */
export function refusedLimitFields({ context }: Fault): Fields {
  const { limit_kind: kind, limit, remaining, reset_ms: resetMs } = context;
  if (kind !== "requests" && kind !== "tokens") return [];
  return [
    [`x-ratelimit-limit-${kind}`, String(limit)],
    [`x-ratelimit-remaining-${kind}`, String(remaining)],
    [`x-ratelimit-reset-${kind}`, durationText(Number(resetMs))],
  ];
}

/** As OpenAI writes durations: `12ms`, `1s`, `6m0s`, `1h0m0s`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.ceil(durationMs)}ms`;
  const seconds = Math.ceil(durationMs / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds % 60}s`;
}
