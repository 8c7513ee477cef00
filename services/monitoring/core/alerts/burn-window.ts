/** Two counters that only grow, as one process tells them. */
export interface CountPair {
  readonly source: string;
  readonly total: number;
  readonly bad: number;
}

interface Mark {
  readonly atMs: number;
  readonly total: number;
  readonly bad: number;
}

const keptMs = 6 * 3_600_000;
/** How fine the past is kept; a window is as exact as that. */
const grainMs = 5_000;

/**
 * Sums the counters of many processes that come and go, and says what was added in the last minutes
 * and hours. A counter that runs backwards belongs to a new process and counts from 0. Where the
 * past is shorter than a window, the window is what there is.
 */
export class BurnWindow {
  readonly #seen = new Map<string, CountPair>();
  #marks: Mark[] = [];
  #total = 0;
  #bad = 0;

  add(pairs: readonly CountPair[], nowMs: number): void {
    if (this.#marks.length === 0) this.#marks.push({ atMs: nowMs, total: 0, bad: 0 });
    for (const pair of pairs) {
      const before = this.#seen.get(pair.source);
      this.#seen.set(pair.source, pair);
      // What it had counted before we first heard of it is not of our time.
      if (before === undefined) continue;
      const isNew = pair.total < before.total;
      this.#total += pair.total - (isNew ? 0 : before.total);
      this.#bad += pair.bad - (isNew ? 0 : before.bad);
    }
    const last = this.#marks.at(-1);
    if (last === undefined || nowMs - last.atMs < grainMs) return;
    this.#marks.push({ atMs: nowMs, total: this.#total, bad: this.#bad });
    while ((this.#marks[0]?.atMs ?? nowMs) < nowMs - keptMs - grainMs) this.#marks.shift();
  }

  /** Processes that have gone: should one come back with the same name, it counts anew. */
  forget(isThere: (source: string) => boolean): void {
    for (const source of this.#seen.keys()) if (!isThere(source)) this.#seen.delete(source);
  }

  since(windowMs: number, nowMs: number): { readonly total: number; readonly bad: number } {
    const fromMs = nowMs - windowMs;
    const mark = this.#marks.findLast(({ atMs }) => atMs <= fromMs) ?? this.#marks[0];
    if (mark === undefined) return { total: 0, bad: 0 };
    return { total: this.#total - mark.total, bad: this.#bad - mark.bad };
  }
}
