import type { Clock, Timers } from "@tandem/libs/world";

/** Something that has to be looked at as time passes. */
export interface Watched {
  tick(nowMs: number): void;
}

/** How often everything is looked at: time limits are kept to this, keep-alives too. */
export const watchdogPeriodMs = 100;
/** So long without a look, and everybody else has taken this process for dead. */
const standstillMs = 1_500;
/** For so long afterwards connections close that were given up meanwhile. */
const afterwardsMs = 2_000;

/**
 * One timer for all requests: their time limits and keep-alives are seconds, so a look ten times a
 * second keeps them, and costs a request nothing but its place in a set.
 */
export class Watchdog {
  readonly #watched = new Set<Watched>();
  readonly #stop: () => void;
  readonly #clock: Clock;
  #lookedMs: number;
  #stoodStillMs = Number.NEGATIVE_INFINITY;

  constructor({
    clock,
    timers,
  }: {
    readonly clock: Clock;
    readonly timers: Pick<Timers, "every">;
  }) {
    this.#clock = clock;
    this.#lookedMs = clock.monotonicMs();
    const timer = timers.every(watchdogPeriodMs, () => {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#lookedMs > standstillMs) this.#stoodStillMs = nowMs;
      this.#lookedMs = nowMs;
      for (const each of this.#watched) each.tick(nowMs);
    });
    this.#stop = () => timer.cancel();
  }

  /** This process was stopped, or did not get to anything, until a moment ago. */
  get hasStoodStill(): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - this.#lookedMs > standstillMs || nowMs - this.#stoodStillMs < afterwardsMs;
  }

  get size(): number {
    return this.#watched.size;
  }

  watch(each: Watched): void {
    this.#watched.add(each);
  }

  unwatch(each: Watched): void {
    this.#watched.delete(each);
  }

  close(): void {
    this.#stop();
  }
}
