/**
 * A bounded queue in front of one worker. A ticket is drawn on arrival and keeps its place; it may
 * take its turn only when it has been called `ready` (its model is there). What matters more goes
 * first, and a full queue refuses the newest of what matters least. Pure: it decides whose turn it
 * is and runs nothing but the callbacks given to it.
 *
 * States of a ticket: waiting → running → left, or waiting → left.
 */
import { priorityDefault } from "@tandem/libs/kernel";

export interface Ticket {
  /** How many are before it, the one that runs included; 0 when it is its turn. */
  place(): number;
  /** It may take its turn from now on. */
  ready(): void;
  /** Ends its turn, or gives its place up. Twice does nothing. */
  leave(): void;
}

/** Whoever joins. */
export interface Joining {
  /** See `libs/kernel/priority.ts`; the default one when absent. */
  readonly priority?: number;
  /** Runs once, when the turn has come. */
  readonly onTurn: () => void;
  /** Runs instead, when the place was needed for who matters more. */
  readonly onRefused?: () => void;
}

interface Waiting extends Joining {
  readonly priority: number;
  isReady: boolean;
}

export class Lane {
  readonly #limit: number;
  /** The highest priority first, within it in the order of arrival. */
  readonly #waiting: Waiting[] = [];
  #running: Waiting | undefined;

  /** At most `limit` may wait, besides the one that runs. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running === undefined ? 0 : 1;
  }

  /** Undefined when the queue is full. */
  join(joining: Joining): Ticket | undefined {
    const own: Waiting = { priority: priorityDefault, ...joining, isReady: false };
    if (this.#waiting.length >= this.#limit && !this.#isFree() && !this.#makeRoomFor(own)) {
      return undefined;
    }
    const behind = this.#waiting.findIndex(({ priority }) => priority < own.priority);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, own);
    return {
      place: () => (own === this.#running ? 0 : this.#placeOf(own)),
      ready: () => {
        own.isReady = true;
        this.#next();
      },
      leave: () => this.#leave(own),
    };
  }

  #makeRoomFor({ priority }: Waiting): boolean {
    const last = this.#waiting.at(-1);
    if (last === undefined || last.priority >= priority) return false;
    this.#waiting.pop();
    last.onRefused?.();
    return true;
  }

  #isFree(): boolean {
    return this.#running === undefined && this.#waiting.length === 0;
  }

  #placeOf(own: Waiting): number {
    const index = this.#waiting.indexOf(own);
    return index < 0 ? 0 : index + this.running;
  }

  #leave(own: Waiting): void {
    if (own === this.#running) this.#running = undefined;
    const index = this.#waiting.indexOf(own);
    if (index >= 0) this.#waiting.splice(index, 1);
    this.#next();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const index = this.#waiting.findIndex((waiting) => waiting.isReady);
    if (index < 0) return;
    const [next] = this.#waiting.splice(index, 1);
    this.#running = next;
    next?.onTurn();
  }
}
