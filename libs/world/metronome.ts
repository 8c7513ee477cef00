import type { Timer } from "./world.ts";

/** Of these the largest that divides a period; it rings at moments that this divides, too. */
const gridsMs = [1_000, 500, 250] as const;
/** Of one period. Those beyond ring by themselves: one for each connection would be a burst. */
const togetherMax = 32;
/** What is due so soon rings at once: Node's timers count from before its last turn, and round. */
const earlyMs = 5;

interface Beat {
  readonly periodMs: number;
  readonly gridMs: number;
  readonly run: () => void;
  dueMs: number;
}

/**
 * Lets what a process does by the clock happen in the same moments. Waking a process that sleeps
 * costs more than most of what it is woken for, and a process has a dozen timers of some seconds or
 * fractions of one: each at its own moment, they would wake it dozens of times a second.
 *
 * A period that a quarter of a second divides first rings up to half a second earlier or later than
 * it would by itself, and keeps its distance from then on. Short and crooked ones are left alone.
 */
export class Metronome {
  readonly #beats = new Set<Beat>();
  readonly #members = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #ringsAtMs = Number.POSITIVE_INFINITY;

  /** Undefined: this one is to ring by itself. */
  every(periodMs: number, run: () => void): Timer | undefined {
    const gridMs = gridsMs.find((grid) => periodMs >= grid && periodMs % grid === 0);
    const members = this.#members.get(periodMs) ?? 0;
    if (gridMs === undefined || members >= togetherMax) return undefined;
    const beat = {
      periodMs,
      gridMs,
      run,
      dueMs: dueAfter(performance.now(), { periodMs, gridMs }),
    };
    this.#beats.add(beat);
    this.#members.set(periodMs, members + 1);
    this.#arm();
    return {
      cancel: () => {
        if (!this.#beats.delete(beat)) return;
        this.#members.set(periodMs, (this.#members.get(periodMs) ?? 1) - 1);
      },
    };
  }

  #arm(): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#beats) nextMs = Math.min(nextMs, dueMs);
    if (nextMs === this.#ringsAtMs) return;
    clearTimeout(this.#timer);
    this.#ringsAtMs = nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => this.#ring(),
      Math.max(1, Math.ceil(nextMs - performance.now())),
    );
    this.#timer.unref();
  }

  #ring(): void {
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    try {
      for (const beat of [...this.#beats]) {
        if (beat.dueMs > nowMs + earlyMs || !this.#beats.has(beat)) continue;
        beat.dueMs = dueAfter(nowMs, beat);
        beat.run();
      }
    } finally {
      // One that threw does not keep the others from ringing.
      this.#arm();
    }
  }
}

/** The moment of the grid that is nearest to a period from now. */
function dueAfter(nowMs: number, { periodMs, gridMs }: Pick<Beat, "periodMs" | "gridMs">): number {
  return Math.round((nowMs + periodMs) / gridMs) * gridMs;
}
