import type { Timer, World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";

interface Waiter {
  readonly enter: () => void;
  readonly refuse: (error: unknown) => void;
  readonly timer: Timer;
}

/**
 * As many slots as a pool has connections, and a bounded queue before them, first come first
 * served. Who has no slot does not even try to connect: so a server that is away sees at most as
 * many attempts as a pool is large, and not one for each caller.
 */
export class ConnectionSlots {
  readonly #world: World;
  readonly #slotsMax: number;
  readonly #waitingMax: number;
  readonly #timeoutMs: number;
  readonly #waiters = new Set<Waiter>();
  #taken = 0;

  constructor(options: {
    readonly world: World;
    readonly slotsMax: number;
    readonly waitingMax: number;
    readonly timeoutMs: number;
  }) {
    this.#world = options.world;
    this.#slotsMax = options.slotsMax;
    this.#waitingMax = options.waitingMax;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Throws `store.overloaded` when the queue is full, or the wait too long. */
  enter(): Promise<void> {
    if (this.#taken < this.#slotsMax) {
      this.#taken += 1;
      return Promise.resolve();
    }
    if (this.#waiters.size >= this.#waitingMax) {
      const detail = `${this.#waitingMax} callers wait for a connection`;
      return Promise.reject(storeFaults.overloaded({ detail }));
    }
    return new Promise((resolve, reject) => {
      const timer = this.#world.timers.after(this.#timeoutMs, () => {
        this.#waiters.delete(waiter);
        reject(storeFaults.overloaded({ detail: `no connection in ${this.#timeoutMs} ms` }));
      });
      const waiter: Waiter = { enter: resolve, refuse: reject, timer };
      this.#waiters.add(waiter);
    });
  }

  /** Passes the slot on to who has waited longest. */
  leave(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.timer.cancel();
      waiter.enter();
      return;
    }
    this.#taken -= 1;
  }

  /** Refuses all who wait. */
  close(): void {
    for (const { timer, refuse } of this.#waiters) {
      timer.cancel();
      refuse(storeFaults.closed());
    }
    this.#waiters.clear();
  }
}
