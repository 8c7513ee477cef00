import type { SubjectLimits } from "@tandem/libs/gateway";
import type { Fault } from "@tandem/libs/kernel";
import { tightestPools } from "../../limits/rate-limit-fields.ts";
import type { Fields } from "../dialect.ts";

/** The `anthropic-ratelimit-…` fields, from the tightest limit of each kind. */
export function anthropicLimitFields(
  limits: SubjectLimits,
  { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
): Fields {
  return tightestPools(limits, nowMs).flatMap((pool) =>
    fieldsOf(pool.kind, {
      limit: pool.limit,
      remaining: pool.remainingAt(nowMs),
      resetAtMs: wallMs + pool.resetMsAt(nowMs),
    }),
  );
}

export function anthropicRefusedLimitFields({ context }: Fault, wallMs: number): Fields {
  const { limit_kind: kind, limit, remaining, reset_ms: resetMs } = context;
  if (kind !== "requests" && kind !== "tokens") return [];
  const resetAtMs = wallMs + Number(resetMs);
  return fieldsOf(kind, { limit: Number(limit), remaining: Number(remaining), resetAtMs });
}

function fieldsOf(
  kind: string,
  at: { readonly limit: number; readonly remaining: number; readonly resetAtMs: number },
): Fields {
  const reset = new Date(Math.ceil(at.resetAtMs / 1_000) * 1_000).toISOString();
  return [
    [`anthropic-ratelimit-${kind}-limit`, String(at.limit)],
    [`anthropic-ratelimit-${kind}-remaining`, String(at.remaining)],
    [`anthropic-ratelimit-${kind}-reset`, reset.replace(".000Z", "Z")],
  ];
}
