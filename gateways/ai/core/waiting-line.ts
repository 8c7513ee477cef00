/** Somebody who waits for a place. */
export interface Waiting {
  readonly sinceMs: number;
  readonly admit: () => void;
  readonly refuse: () => void;
}

/** Of those who gave up, half are forgotten in this time. */
const halfLifeMs = 5_000;
/** So many have to give up before it means anything. */
const gaveUpMin = 3;
/** Whoever has waited this part of what others had patience for is unlikely to stay to the end. */
const hopelessShare = 0.5;

/**
 * Those of one priority that wait, in the order they came, and what is known of their patience.
 *
 * Where people give up, and the oldest has waited half as long as they did, first come is served
 * in vain: whoever gets a place leaves before its answer. Then the newest goes first, until the
 * line is one that can be served again.
 */
export class WaitingLine {
  #waiting: Waiting[] = [];
  /** Who gave up lately, and how long they had waited together; both fade. */
  #gaveUp = 0;
  #gaveUpMs = 0;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  get length(): number {
    return this.#waiting.length;
  }

  join(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Those who wait are served in vain, in the order they came. */
  isHopeless(nowMs: number): boolean {
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#gaveUp === 0) return false;
    this.#fade(nowMs);
    const patienceMs = this.#gaveUpMs / this.#gaveUp;
    return this.#gaveUp >= gaveUpMin && nowMs - oldest.sinceMs > patienceMs * hopelessShare;
  }

  /** Whose turn it is. */
  takeNext(nowMs: number): Waiting | undefined {
    return this.isHopeless(nowMs) ? this.#waiting.pop() : this.#waiting.shift();
  }

  takeOldest(): Waiting | undefined {
    return this.#waiting.shift();
  }

  takeNewest(): Waiting | undefined {
    return this.#waiting.pop();
  }

  /** Does nothing for somebody who does not wait any more. */
  giveUp(waiting: Waiting, nowMs: number): void {
    if (!this.#waiting.includes(waiting)) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#fade(nowMs);
    this.#gaveUp += 1;
    this.#gaveUpMs += nowMs - waiting.sinceMs;
  }

  #fade(nowMs: number): void {
    const share = 0.5 ** ((nowMs - this.#countedAtMs) / halfLifeMs);
    this.#countedAtMs = nowMs;
    this.#gaveUp *= share;
    this.#gaveUpMs *= share;
  }
}
