import type { Clock, Timer, Timers } from "./world.ts";

export interface VigilOptions {
  readonly world: { readonly clock: Clock; readonly timers: Timers };
  /** How long it stays awake after the last touch. */
  readonly awakeMs: number;
  /** How often everything is run while asleep, unless its own period is longer. */
  readonly slowMs: number;
  /** Something is under way that nothing touches: keeps it awake. */
  readonly isBusy?: () => boolean;
}

interface Task {
  readonly periodMs: number;
  readonly run: () => void;
  timer: Timer;
}

const lookPeriodMs = 1_000;

/**
 * Timers of what is there for work, which are slow while there is none: a process that nobody calls
 * would wake up dozens of times a second to look at nothing. States: asleep ⇄ awake. The first
 * touch wakes it and runs everything at once, so that no period is late for the work that comes; it
 * falls asleep when it has not been touched for a while and is not busy.
 */
export class Vigil implements Pick<Timers, "every"> {
  readonly #options: VigilOptions;
  readonly #tasks = new Set<Task>();
  readonly #looking: Timer;
  #isAwake = false;
  #isTouched = false;
  #touchedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: VigilOptions) {
    this.#options = options;
    this.#looking = options.world.timers.every(lookPeriodMs, () => this.#look());
  }

  get isAwake(): boolean {
    return this.#isAwake;
  }

  /** Somebody wants something. For the hot path: mostly it sets a mark. */
  touch(): void {
    this.#isTouched = true;
    if (!this.#isAwake) this.#wake();
  }

  every(periodMs: number, run: () => void): Timer {
    const task: Task = { periodMs, run, timer: this.#start(periodMs, run) };
    this.#tasks.add(task);
    return {
      cancel: () => {
        this.#tasks.delete(task);
        task.timer.cancel();
      },
    };
  }

  close(): void {
    this.#looking.cancel();
    for (const { timer } of this.#tasks) timer.cancel();
    this.#tasks.clear();
  }

  #wake(): void {
    this.#isAwake = true;
    this.#touchedAtMs = this.#options.world.clock.monotonicMs();
    this.#restart();
    for (const { run } of [...this.#tasks]) run();
  }

  #look(): void {
    const { world, awakeMs, isBusy } = this.#options;
    const nowMs = world.clock.monotonicMs();
    const isWanted = this.#isTouched || isBusy?.() === true;
    this.#isTouched = false;
    if (isWanted) this.#touchedAtMs = nowMs;
    if (isWanted && !this.#isAwake) this.#wake();
    if (!this.#isAwake || nowMs - this.#touchedAtMs < awakeMs) return;
    this.#isAwake = false;
    this.#restart();
  }

  #restart(): void {
    for (const task of this.#tasks) {
      task.timer.cancel();
      task.timer = this.#start(task.periodMs, task.run);
    }
  }

  #start(periodMs: number, run: () => void): Timer {
    const { world, slowMs } = this.#options;
    return world.timers.every(this.#isAwake ? periodMs : Math.max(periodMs, slowMs), run);
  }
}
