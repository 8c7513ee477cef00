import type { Timer, World } from "../world/index.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";

/** A world that stands still until told otherwise, and replays from its seed. */
export interface SeededWorld {
  readonly world: World;
  readonly random: SeededRandom;
  /** Timers that are set and have not rung; 0 proves that nothing was left behind. */
  readonly pendingTimers: number;
  /**
   * Moves time on by `ms`, ringing every timer that falls due in order of time, then of setting.
   * After each one the promises it settled run to their end, so that a timer set by a continuation
   * rings in its turn. Nothing here waits for real input or output.
   */
  advance(ms: number): Promise<void>;
  /** The same without letting promises run: for state machines that have none. */
  elapse(ms: number): void;
  /** Moves the wall clock only, as an administrator or NTP would. */
  jumpWallClock(ms: number): void;
}

interface PendingTimer {
  readonly sequence: number;
  readonly dueMs: number;
  readonly run: () => void;
}

/** Sunday, 22 November 2026, 00:00 UTC: a date without a leap second or a change of summer time. */
const startMs = Date.UTC(2026, 10, 22);

/**
 * Builds a world from a seed. The monotonic clock starts at 0, the wall clock at a fixed date. A
 * timer callback that throws lets the error through to whoever advances.
 */
export function seededWorld(
  seed: number | string = 1,
  { environment = {} }: { readonly environment?: Readonly<Record<string, string>> } = {},
): SeededWorld {
  const random = seededRandom(seed);
  const timers = new Map<number, PendingTimer>();
  let nowMs = 0;
  let wallOffsetMs = startMs;
  let sequence = 0;

  const after = (delayMs: number, run: () => void): Timer => {
    sequence += 1;
    const own = sequence;
    timers.set(own, { sequence: own, dueMs: nowMs + Math.max(0, delayMs), run });
    return { cancel: () => void timers.delete(own) };
  };
  const every = (periodMs: number, run: () => void): Timer => {
    const again = (): void => {
      current = after(Math.max(1, periodMs), again);
      run();
    };
    let current = after(Math.max(1, periodMs), again);
    return { cancel: () => current.cancel() };
  };
  const ringNext = (untilMs: number): boolean => {
    const next = earliest(timers.values(), untilMs);
    if (next === undefined) return false;
    timers.delete(next.sequence);
    nowMs = Math.max(nowMs, next.dueMs);
    next.run();
    return true;
  };

  return {
    world: {
      clock: { nowMs: () => Math.floor(wallOffsetMs + nowMs), monotonicMs: () => nowMs },
      randomness: { bytes: random.bytes, fraction: random.fraction },
      timers: { after, every },
      environment,
    },
    random,
    get pendingTimers() {
      return timers.size;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      while (ringNext(untilMs)) await settle();
      nowMs = untilMs;
    },
    elapse(ms) {
      const untilMs = nowMs + ms;
      while (ringNext(untilMs));
      nowMs = untilMs;
    },
    jumpWallClock(ms) {
      wallOffsetMs += ms;
    },
  };
}

function earliest(timers: Iterable<PendingTimer>, untilMs: number): PendingTimer | undefined {
  let first: PendingTimer | undefined;
  for (const timer of timers) {
    if (timer.dueMs > untilMs) continue;
    if (first === undefined || timer.dueMs < first.dueMs) first = timer;
  }
  return first;
}

/** Every promise that is settled by now has run its continuations, however long the chain. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
