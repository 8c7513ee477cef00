import type { Timer } from "@tandem/libs/world";

interface Event {
  readonly dueMs: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

/**
 * Simulated time: events in order of their time, then of their making. It goes from one to the
 * next at once, and after each one lets the promises it settled run to their end, so that a run
 * depends on nothing but its seed.
 */
export class Scheduler {
  #nowMs = 0;
  #sequence = 0;
  #events = 0;
  readonly #heap: Event[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  after(delayMs: number, run: () => void): Timer {
    this.#sequence += 1;
    const dueMs = this.#nowMs + Math.max(0, delayMs);
    const event: Event = { dueMs, sequence: this.#sequence, run };
    this.#push(event);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Runs everything that falls due until then. */
  async runUntil(untilMs: number): Promise<void> {
    await settle();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#pop();
      if (next.run === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#events += 1;
      next.run();
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = at * 2 + 1;
      const left = heap[childAt];
      const right = heap[childAt + 1];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) childAt += 1;
      const child = heap[childAt];
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.dueMs === right.dueMs ? left.sequence < right.sequence : left.dueMs < right.dueMs;
}

/**
 * Lets promises run until none has anything to do. A tick that is asked for from within the queue
 * of promises comes when that queue is empty, however long its chains were; nothing real is waited
 * for.
 */
function settle(): Promise<void> {
  return Promise.resolve().then(
    () =>
      new Promise((resolve) => {
        process.nextTick(resolve);
      }),
  );
}
