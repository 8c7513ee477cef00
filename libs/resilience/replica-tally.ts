/** Upper bounds in milliseconds; the last bucket is open. */
const bucketsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** What a replica has done since its caller knows it. */
export interface TallyFigures {
  /** Attempts with an answer or without. */
  readonly attempts: number;
  /** Answered with 5xx, without an answer, or broken off in the middle. */
  readonly failures: number;
  /** Attempts by time to the answer's head; bounds beside it. */
  readonly latencyCounts: readonly number[];
  readonly latencyBoundsMs: readonly number[];
}

/** Counts what a comparison of two versions needs; differences of two looks are what happened between. */
export class ReplicaTally {
  readonly #latencies: number[] = new Array<number>(bucketsMs.length + 1).fill(0);
  #attempts = 0;
  #failures = 0;

  /** Without a time where the caller decides how long an answer takes: a long poll. */
  answered(status: number, tookMs: number | undefined): void {
    this.#attempts += 1;
    if (status >= 500) this.#failures += 1;
    if (tookMs === undefined) return;
    let bucket = 0;
    while (bucket < bucketsMs.length && tookMs > (bucketsMs[bucket] ?? 0)) bucket += 1;
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + 1;
  }

  /** An attempt ended without its whole answer. */
  broke(headReceived: boolean): void {
    if (!headReceived) this.#attempts += 1;
    this.#failures += 1;
  }

  /** Of the same replica, as another client of this process saw it. */
  add(other: ReplicaTally): void {
    this.#attempts += other.#attempts;
    this.#failures += other.#failures;
    for (const [bucket, count] of other.#latencies.entries()) {
      this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + count;
    }
  }

  figures(): TallyFigures {
    return {
      attempts: this.#attempts,
      failures: this.#failures,
      latencyCounts: [...this.#latencies],
      latencyBoundsMs: bucketsMs,
    };
  }
}
