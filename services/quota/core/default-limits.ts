import type { Limit, LimitKind } from "./limit.ts";

/** What an organisation may do for which nothing else is set; 0 for no limit. */
export interface DefaultLimits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly concurrency: number;
}

const minuteMs = 60_000;
const setBy = "default" as const;

/** The organisation's own limits, and the default of each kind that it has no wide one of. */
export function withDefaults(
  own: readonly Limit[],
  given: { readonly organisationId: string; readonly defaults: DefaultLimits },
): readonly Limit[] {
  const { organisationId, defaults } = given;
  const subject = { organisationId, projectId: "", userId: "", keyId: "", model: "" };
  const candidates: readonly [LimitKind, number, number][] = [
    ["requests", defaults.requestsPerMinute, minuteMs],
    ["tokens", defaults.tokensPerMinute, minuteMs],
    ["concurrency", defaults.concurrency, 0],
  ];
  const missing = candidates.filter(([kind, amount]) => amount > 0 && !own.some(isWide(kind)));
  return [
    ...own,
    ...missing.map(([kind, amount, windowMs]) => {
      const id = `default:${kind}`;
      return { id, subject, kind, amount, windowMs, version: 0n, setBy, raise: undefined };
    }),
  ];
}

function isWide(kind: LimitKind): (limit: Limit) => boolean {
  return ({ subject, kind: own }) => {
    const { projectId, userId, keyId, model } = subject;
    return own === kind && [projectId, userId, keyId, model].every((field) => field === "");
  };
}
