/**
 * Decides whether a process has stopped turning its event loop. The watcher can be late itself
 * (stopped, starved, suspended laptop), and then every process looks silent although only the
 * watcher slept: after a gap of its own it gives everybody a fresh start.
 */
export interface SilenceWatch {
  readonly lastLookMs: number;
  /** Silence is counted from here at the earliest. */
  readonly forgivenMs: number;
}

const ownGapMs = 2000;

export function watchFrom(nowMs: number): SilenceWatch {
  return { lastLookMs: nowMs, forgivenMs: nowMs };
}

/** One look of the watcher, to be made twice a second. */
export function lookAround(watch: SilenceWatch, nowMs: number): SilenceWatch {
  const isLate = nowMs - watch.lastLookMs > ownGapMs;
  return { lastLookMs: nowMs, forgivenMs: isLate ? nowMs : watch.forgivenMs };
}

/** How long a process has been silent, as far as it can be blamed. Milliseconds. */
export function silenceMs(watch: SilenceWatch, lastHeardMs: number): number {
  return watch.lastLookMs - Math.max(lastHeardMs, watch.forgivenMs);
}

const starvedLimitFactor = 12;

/**
 * Whether a silent process is to be replaced. Time in which it was ready to run and the machine had
 * no CPU for it is not held against it: killing what is starved makes a starved machine worse. Even
 * so there is an end to patience.
 */
export function isStuck(silence: {
  readonly silentMs: number;
  readonly starvedMs: number;
  readonly limitMs: number;
}): boolean {
  const { silentMs, starvedMs, limitMs } = silence;
  return silentMs - starvedMs >= limitMs || silentMs >= limitMs * starvedLimitFactor;
}
