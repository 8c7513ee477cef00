/**
 * Decides when a process that is about to use up its memory is replaced, before it dies of that.
 * What is kept is kept for a place: a successor begins with what its predecessor left, so that a
 * process that needs so much by right is not replaced in a loop.
 */
export interface Fullness {
  /** Beats in a row at or above the share. */
  readonly beats: number;
  /** When the first of them came. */
  readonly sinceMs: number;
  /** When the one before was replaced for its memory; undefined where none was. */
  readonly replacedMs: number | undefined;
  /** How long the place rests from then on, at least. */
  readonly restMs: number;
}

export type FullnessVerdict =
  | { readonly kind: "fine" }
  | { readonly kind: "replace" }
  /** Full, and replaced too short a time ago. */
  | { readonly kind: "rest"; readonly leftMs: number };

/** One beat may come in the middle of something large. */
const beatsMin = 3;
const firstRestMs = 60_000;
const longestRestMs = 3_600_000;

export const neverFull: Fullness = {
  beats: 0,
  sinceMs: 0,
  replacedMs: undefined,
  restMs: firstRestMs,
};

/** One beat: `share` of the memory that the process may have is in use, in [0, 1]. */
export function hearShare(
  fullness: Fullness,
  beat: { readonly share: number; readonly shareMax: number; readonly nowMs: number },
): Fullness {
  if (beat.share < beat.shareMax) return emptied(fullness);
  const { beats, sinceMs } = fullness;
  return { ...fullness, beats: beats + 1, sinceMs: beats === 0 ? beat.nowMs : sinceMs };
}

/** The process died, or says nothing of its memory. */
export function emptied(fullness: Fullness): Fullness {
  return fullness.beats === 0 ? fullness : { ...fullness, beats: 0 };
}

export function judgeFullness(fullness: Fullness, nowMs: number): FullnessVerdict {
  const { beats, replacedMs, restMs } = fullness;
  if (beats < beatsMin) return { kind: "fine" };
  const leftMs = replacedMs === undefined ? 0 : replacedMs + restMs - nowMs;
  return leftMs > 0 ? { kind: "rest", leftMs } : { kind: "replace" };
}

/**
 * What the successor begins with. The rest doubles, up to an hour, where the place was full again
 * within twice the rest it had; a longer life clears the record: that is a slow leak, and replacing
 * it is the cure.
 */
export function handOver(fullness: Fullness, nowMs: number): Fullness {
  const { sinceMs, replacedMs, restMs } = fullness;
  const isSoonAgain = replacedMs !== undefined && sinceMs - replacedMs <= 2 * restMs;
  const nextMs = isSoonAgain ? Math.min(restMs * 2, longestRestMs) : firstRestMs;
  return { beats: 0, sinceMs: 0, replacedMs: nowMs, restMs: nextMs };
}
