/** Time in whole minutes, hours and days of UTC, and which sums cover a time. */

export type Level = "minute" | "hour" | "day";

export const levels: readonly Level[] = ["minute", "hour", "day"];

export const stepMs: Readonly<Record<Level, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A span and the sums it is read from. */
export interface Piece extends Span {
  readonly level: Level;
}

export function floorTo(level: Level, ms: number): number {
  return Math.floor(ms / stepMs[level]) * stepMs[level];
}

function ceilTo(level: Level, ms: number): number {
  return Math.ceil(ms / stepMs[level]) * stepMs[level];
}

/** The least span of whole steps that holds all of this one. */
export function widened(level: Level, { fromMs, untilMs }: Span): Span {
  return { fromMs: floorTo(level, fromMs), untilMs: ceilTo(level, untilMs) };
}

/**
 * The finest sums that a span can be answered in: nothing finer than what is asked in, and nothing
 * that has been thrown away where the span begins.
 */
export function levelFor(
  span: Span,
  {
    least,
    keptSinceMs,
  }: { readonly least: Level; readonly keptSinceMs: Readonly<Record<Level, number>> },
): Level {
  const from = levels.slice(levels.indexOf(least));
  return from.find((level) => floorTo(level, span.fromMs) >= keptSinceMs[level]) ?? "day";
}

/**
 * Covers a span of whole `finest` steps without gap or overlap: days where whole ones fit, hours
 * and then minutes at both ends. `coarsest` bounds how much one sum may hold.
 */
export function cover(
  span: Span,
  { finest, coarsest }: { readonly finest: Level; readonly coarsest: Level },
): readonly Piece[] {
  if (span.fromMs >= span.untilMs) return [];
  if (levels.indexOf(coarsest) <= levels.indexOf(finest)) return [{ ...span, level: finest }];
  const finer = levels[levels.indexOf(coarsest) - 1] ?? "minute";
  const inner = { fromMs: ceilTo(coarsest, span.fromMs), untilMs: floorTo(coarsest, span.untilMs) };
  if (inner.fromMs >= inner.untilMs) return cover(span, { finest, coarsest: finer });
  return [
    ...cover({ fromMs: span.fromMs, untilMs: inner.fromMs }, { finest, coarsest: finer }),
    { ...inner, level: coarsest },
    ...cover({ fromMs: inner.untilMs, untilMs: span.untilMs }, { finest, coarsest: finer }),
  ];
}
