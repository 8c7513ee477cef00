import type { Timer } from "@tandem/libs/world";
import type { Living } from "./living.ts";
import type { Scheduler } from "./scheduler.ts";

export interface PipeRoad {
  /** How long the next piece takes. */
  delayMs(): number;
  /** Milliseconds until anything gets through; 0 where the way is free. */
  blockedMs(): number;
}

interface Piece {
  readonly dueMs: number;
  readonly bytes: number;
  readonly deliver: () => void;
}

/**
 * One direction of a connection: pieces arrive in order, each after its delay. While the way is
 * blocked they wait, as TCP's do, and come when it is free again.
 */
export class Pipe {
  readonly #scheduler: Scheduler;
  readonly #receiver: () => Living | undefined;
  readonly #road: PipeRoad;
  #queue: Piece[] = [];
  #timer: Timer | undefined;
  #lastDueMs = 0;
  #isPaused: boolean = false;
  #bytes = 0;
  #onDrain: (() => void) | undefined;

  constructor(given: {
    readonly scheduler: Scheduler;
    readonly receiver: () => Living | undefined;
    readonly road: PipeRoad;
  }) {
    this.#scheduler = given.scheduler;
    this.#receiver = given.receiver;
    this.#road = given.road;
  }

  /** Bytes that are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  send(deliver: () => void, bytes = 0): void {
    const dueMs = Math.max(this.#lastDueMs, this.#scheduler.nowMs + this.#road.delayMs());
    this.#lastDueMs = dueMs;
    this.#bytes += bytes;
    this.#queue.push({ dueMs, bytes, deliver });
    this.#pump();
  }

  onDrain(run: () => void): void {
    if (this.#bytes === 0) this.#scheduler.after(0, run);
    else this.#onDrain = run;
  }

  pause(): void {
    this.#isPaused = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  resume(): void {
    this.#isPaused = false;
    this.#pump();
  }

  /** Nothing that is under way arrives. */
  drop(): void {
    this.#queue = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #pump(): void {
    const [next] = this.#queue;
    if (next === undefined || this.#timer !== undefined || this.#isPaused) return;
    const waitMs = Math.max(next.dueMs - this.#scheduler.nowMs, 0);
    this.#timer = this.#scheduler.after(waitMs, () => this.#arrive());
  }

  #arrive(): void {
    this.#timer = undefined;
    const [next] = this.#queue;
    if (next === undefined || this.#isPaused) return;
    const blockedMs = this.#road.blockedMs();
    if (blockedMs > 0) {
      if (Number.isFinite(blockedMs)) {
        this.#timer = this.#scheduler.after(blockedMs + 1, () => this.#arrive());
      }
      return;
    }
    const receiver = this.#receiver();
    this.#queue.shift();
    this.#bytes -= next.bytes;
    // A process that is dead or frozen does not read; `after` sees to both.
    receiver?.after(0, next.deliver);
    if (this.#bytes === 0) {
      const run = this.#onDrain;
      this.#onDrain = undefined;
      run?.();
    }
    this.#pump();
  }
}
