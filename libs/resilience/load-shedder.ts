import { priorities } from "../kernel/index.ts";

export interface ShedderParameters {
  /** How late the event loop may be, in milliseconds, before there is too much to do. */
  readonly lagMs: number;
  /** With fewer requests a second than this, turning some away would relieve nothing. */
  readonly perSecondMin: number;
}

export const shedderDefault: ShedderParameters = { lagMs: 50, perSecondMin: 100 };

/**
 * Being late by twice the limit for so long turns one priority away altogether; keeping the time
 * perfectly for so long lets it in again. Shorter, and it swings: below 200 ms what matters most is
 * hit as well; longer, and a queue grows first: with a second, one of 1.8 s (tests/simulation).
 */
const settleMs = 250;
/** Longer between two looks, and the process stood still: it counts as this. */
const gapMsMax = 250;
/** What matters most is turned away only while the loop is so many times later than it may be. */
const lastResort = 3;
const lastPriority = priorities.length - 1;
/** And some of it is always let in, so that an end of the flood is noticed. */
const pressureMax = lastPriority + 0.95;

/**
 * Decides which requests a process turns away when there are more than it can do, the least
 * important first. Pure: it is told how late the event loop was and how many requests came, and
 * asked once a request.
 *
 * Its state is one number, the pressure. Up to 1 it is the share of priority 0 that is turned
 * away; from 1 to 2 all of those and a share of priority 1; and so on. It rises while the loop is
 * later than it may be, the faster the later, and falls while it is not, so that what is let in
 * settles where the loop is just about as late as it may be.
 */
export class LoadShedder {
  readonly #parameters: ShedderParameters;
  #pressure = 0;
  #arrivals = 0;

  constructor(parameters: ShedderParameters = shedderDefault) {
    this.#parameters = parameters;
  }

  /** 0: nobody is turned away; 3, everybody, is never reached. */
  get pressure(): number {
    return this.#pressure;
  }

  /** Counts a request in, and says whether it may stay. `fraction`: drawn from 0 to 1. */
  admits(priority: number, fraction: number): boolean {
    this.#arrivals += 1;
    return fraction >= this.#pressure - priority;
  }

  /** Whether nobody at all is turned away: no fraction has to be drawn then. */
  get isIdle(): boolean {
    return this.#pressure === 0;
  }

  /** Some times a second: `gapMs` have passed since the last time instead of `periodMs`. */
  tick(gapMs: number, periodMs: number): void {
    const { lagMs, perSecondMin } = this.#parameters;
    const passedMs = Math.min(gapMs, gapMsMax);
    const lateMs = Math.max(0, passedMs - periodMs);
    const isFlood = this.#arrivals * 1_000 >= perSecondMin * gapMs;
    this.#arrivals = 0;
    const excess = isFlood ? Math.min(1, (lateMs - lagMs) / lagMs) : -1;
    const most = lateMs < lagMs * lastResort ? lastPriority : pressureMax;
    const pressure = this.#pressure + (excess * passedMs) / settleMs;
    this.#pressure = Math.min(most, Math.max(0, pressure));
  }
}
