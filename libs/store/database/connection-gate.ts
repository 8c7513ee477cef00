import type { Timer, World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";

/** First and longest pause between two probes of a server that is away; ±50 % jitter on each. */
const probeMsMin = 20;
const probeMsMax = 500;

interface Waiter {
  readonly open: () => void;
  readonly refuse: (error: unknown) => void;
  readonly timer: Timer;
}

/**
 * Stands before a pool so that a server that went away is met by one prober and not by a storm.
 *
 * States: `open` (all pass) → `down` (a connection failed: callers wait, one probe at a time) →
 * `open` again with the first probe that succeeds; `closed` for good. A killed PostgreSQL is back
 * within a second, so callers wait for up to `patienceMs` counted from when it went down; from then
 * on they are refused at once, so that fallbacks answer without delay.
 */
export class ConnectionGate {
  readonly #world: World;
  readonly #probe: () => Promise<void>;
  readonly #patienceMs: number;
  readonly #waiters = new Set<Waiter>();
  #state: "open" | "down" | "closed" = "open";
  #downSinceMs = 0;
  #lastError: unknown;
  #probeTimer: Timer | undefined;

  constructor(options: {
    readonly world: World;
    /** Resolves when the server accepts a connection. */
    readonly probe: () => Promise<void>;
    readonly patienceMs: number;
  }) {
    this.#world = options.world;
    this.#probe = options.probe;
    this.#patienceMs = options.patienceMs;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Resolves when callers may connect. Throws `store.unavailable`, `store.closed`. */
  async pass(): Promise<void> {
    if (this.#state === "open") return;
    if (this.#state === "closed") throw storeFaults.closed();
    const downMs = this.#world.clock.monotonicMs() - this.#downSinceMs;
    const remainingMs = this.#patienceMs - downMs;
    if (remainingMs <= 0) throw this.#unavailable();
    await new Promise<void>((resolve, reject) => {
      const timer = this.#world.timers.after(remainingMs, () => {
        this.#waiters.delete(waiter);
        reject(this.#unavailable());
      });
      const waiter: Waiter = { open: resolve, refuse: reject, timer };
      this.#waiters.add(waiter);
    });
  }

  /** A connection could not be made; true when this is what closed the gate. */
  reportFailure(error: unknown): boolean {
    this.#lastError = error;
    if (this.#state !== "open") return false;
    this.#state = "down";
    this.#downSinceMs = this.#world.clock.monotonicMs();
    this.#scheduleProbe(probeMsMin);
    return true;
  }

  close(): void {
    this.#state = "closed";
    this.#probeTimer?.cancel();
    this.#settle((waiter) => waiter.refuse(storeFaults.closed()));
  }

  #unavailable(): unknown {
    const detail = this.#lastError instanceof Error ? this.#lastError.message : "no connection";
    return storeFaults.unavailable({ detail, cause: this.#lastError, retryAfterMs: 1000 });
  }

  #scheduleProbe(delayMs: number): void {
    const jittered = delayMs * (0.5 + this.#world.randomness.fraction());
    this.#probeTimer = this.#world.timers.after(jittered, () => {
      this.#probe().then(
        () => this.#open(),
        (error: unknown) => {
          this.#lastError = error;
          if (this.#state === "down") this.#scheduleProbe(Math.min(delayMs * 2, probeMsMax));
        },
      );
    });
  }

  #open(): void {
    if (this.#state !== "down") return;
    this.#state = "open";
    this.#lastError = undefined;
    this.#settle((waiter) => waiter.open());
  }

  #settle(settle: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) {
      waiter.timer.cancel();
      settle(waiter);
    }
    this.#waiters.clear();
  }
}
