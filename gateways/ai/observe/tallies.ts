import type { Counter } from "@tandem/libs/telemetry";

interface Tally {
  readonly counter: Counter;
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/**
 * Counts kept in plain numbers and told to the metrics now and then: adding to a labelled counter
 * costs half a microsecond, and a request counts in a dozen of them.
 */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();

  /** `key` stands for the counter and its labels, which `open` gives when it is new. */
  add(key: string, value: number, open: () => Omit<Tally, "value">): void {
    const tally = this.#tallies.get(key);
    if (tally !== undefined) tally.value += value;
    else this.#tallies.set(key, { ...open(), value });
  }

  flush(): void {
    for (const [key, tally] of this.#tallies) {
      if (tally.value === 0) {
        // Unused since the last time: names of models and upstreams come and go.
        this.#tallies.delete(key);
        continue;
      }
      tally.counter.add(tally.value, tally.labels);
      tally.value = 0;
    }
  }
}
