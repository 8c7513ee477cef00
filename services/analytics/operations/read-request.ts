/** The fields that several requests have. */
import type { UsageFilter } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { type Level, levels, type Span } from "../core/steps.ts";
import { analyticsFaults } from "../faults.ts";
import type { AnalyticsParts } from "../parts.ts";
import type { Filter } from "../store/ask.ts";
import { keptSince } from "../store/forget.ts";

const valuesMax = 100;
const textMax = 512;
/** Years 1970 to 2200. */
const timeMax = 7_258_118_400_000;

export function readFilter(filter: UsageFilter | undefined): Filter {
  const texts = (values: readonly string[] = []): readonly string[] => {
    const isSound = values.every((text) => text.length <= textMax && !text.includes("\0"));
    if (values.length > valuesMax || !isSound) {
      throw analyticsFaults.malformed({
        publicMessage: `A filter has at most ${valuesMax} names.`,
      });
    }
    return values;
  };
  const statuses = filter?.statuses ?? [];
  if (statuses.length > valuesMax || statuses.some((status) => status > 999)) {
    throw analyticsFaults.malformed({ publicMessage: "A status is a number like 429." });
  }
  return {
    models: texts(filter?.models),
    keyIds: texts(filter?.keyIds),
    userIds: texts(filter?.userIds),
    projectIds: texts(filter?.projectIds),
    outcomes: texts(filter?.outcomes),
    upstreams: texts(filter?.upstreams),
    endpoints: texts(filter?.endpoints),
    statuses,
  };
}

export function readSpan({
  fromMs,
  untilMs,
}: {
  readonly fromMs: bigint;
  readonly untilMs: bigint;
}): Span {
  if (fromMs < 0n || untilMs > BigInt(timeMax) || fromMs >= untilMs) {
    throw analyticsFaults.malformed({ publicMessage: "A time begins before it ends." });
  }
  return { fromMs: Number(fromMs), untilMs: Number(untilMs) };
}

/** Since when the sums of each level are there. */
export function keptSinceOf({ retention, nowMs }: AnalyticsParts): Readonly<Record<Level, number>> {
  const since = levels.map((level) => [level, keptSince(retention.sums[level], nowMs())] as const);
  return Object.fromEntries(since) as Record<Level, number>;
}
