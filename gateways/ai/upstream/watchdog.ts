import type { Clock, Timers } from "@tandem/libs/world";

/** Something that has to be looked at as time passes. */
export interface Watched {
  tick(nowMs: number): void;
}

/** How often everything is looked at: time limits are kept to this, keep-alives too. */
export const watchdogPeriodMs = 100;

/**
 * One timer for all requests: their time limits and keep-alives are seconds, so a look ten times a
 * second keeps them, and costs a request nothing but its place in a set.
 */
export class Watchdog {
  readonly #watched = new Set<Watched>();
  readonly #stop: () => void;

  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    const timer = timers.every(watchdogPeriodMs, () => {
      const nowMs = clock.monotonicMs();
      for (const each of this.#watched) each.tick(nowMs);
    });
    this.#stop = () => timer.cancel();
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
