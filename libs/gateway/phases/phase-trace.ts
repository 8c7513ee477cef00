import type { Clock } from "../../world/index.ts";

export type PhaseOutcome = "ok" | "skipped" | "failed";

/** One phase of one request, as it went. */
export interface PhaseRecord {
  readonly name: string;
  /** Milliseconds from the request's beginning. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly outcome: PhaseOutcome;
  /** A word on what happened; empty mostly. */
  readonly note: string;
}

/** When each phase of a request began and how it ended. */
export class PhaseTrace {
  /** Of the monotonic clock. */
  readonly startedMs: number;
  readonly #names: readonly string[];
  readonly #starts: number[] = [];
  readonly #durations: number[] = [];
  readonly #outcomes: (PhaseOutcome | undefined)[] = [];
  #notes: Map<string, string> | undefined;
  #lastMs: number;
  #current = -1;

  constructor(names: readonly string[], startedMs: number) {
    this.#names = names;
    this.startedMs = startedMs;
    this.#lastMs = startedMs;
  }

  /** The phase that runs now, or ran last; empty before the first. */
  get current(): string {
    return this.#names[this.#current] ?? "";
  }

  begin(index: number): void {
    this.#current = index;
    while (this.#starts.length < index) this.#push(0, undefined);
    this.#push(this.#lastMs, undefined);
  }

  end(index: number, { outcome, clock }: { outcome: PhaseOutcome; clock: Clock }): void {
    const nowMs = clock.monotonicMs();
    this.#durations[index] = nowMs - this.#lastMs;
    this.#outcomes[index] = outcome;
    this.#lastMs = nowMs;
  }

  #push(startMs: number, outcome: PhaseOutcome | undefined): void {
    this.#starts.push(startMs);
    this.#durations.push(0);
    this.#outcomes.push(outcome);
  }

  /** A word on the phase that runs now. */
  note(text: string): void {
    this.#notes ??= new Map();
    this.#notes.set(this.current, text);
  }

  /** Milliseconds the phase took; 0 when it did not run. */
  durationMs(name: string): number {
    return this.#durations[this.#names.indexOf(name)] ?? 0;
  }

  /** All phases; those that were passed over count as skipped, at the time they would have run. */
  records(): readonly PhaseRecord[] {
    let reachedMs = this.startedMs;
    return this.#names.map((name, index) => {
      const outcome = this.#outcomes[index];
      const durationMs = this.#durations[index] ?? 0;
      if (outcome !== undefined) reachedMs = (this.#starts[index] ?? 0) + durationMs;
      return {
        name,
        startMs: (outcome === undefined ? reachedMs : reachedMs - durationMs) - this.startedMs,
        durationMs,
        outcome: outcome ?? "skipped",
        note: this.#notes?.get(name) ?? "",
      };
    });
  }
}
