/**
 * The text of a continuation on its way to the client: what it says again is swallowed, and stop
 * strings are found even where they lie across the seam. Pure.
 */
export class SeamText {
  readonly #stops: readonly string[];
  /** Still to be said again, byte for byte. */
  #overlap: string;
  /** What the client has of a stop string's length, then what is held back, as one text. */
  #text: string;
  /** Characters of `#text` that the client has. */
  #given: number;
  #state: "open" | "stopped" | "diverged" = "open";

  /**
   * `committed` is the text that the client has; `overlap` its end that comes once more. Empty stop
   * strings are ignored: every text would end before it began.
   */
  constructor(given: {
    readonly committed: string;
    readonly overlap: string;
    readonly stops: readonly string[];
  }) {
    this.#stops = given.stops.filter((stop) => stop !== "");
    this.#overlap = given.overlap;
    const longest = this.#stops.reduce((most, { length }) => Math.max(most, length), 0);
    this.#text = longest > 1 ? given.committed.slice(1 - longest) : "";
    this.#given = this.#text.length;
  }

  /** A stop string is complete: nothing behind its beginning is the answer's. */
  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** It does not say again what the client has: no continuation of this answer. */
  get isDiverged(): boolean {
    return this.#state === "diverged";
  }

  /** Part of what the client has was not said again yet. */
  get owesOverlap(): boolean {
    return this.#overlap !== "";
  }

  /** The text that is new and safe to pass on. */
  push(piece: string): string {
    if (this.#state !== "open") return "";
    const fresh = this.#swallow(piece);
    if (fresh === "") return "";
    if (this.#stops.length === 0) return fresh;
    this.#text += fresh;
    const stop = earliestEnd(this.#text, this.#stops, this.#given);
    if (stop !== undefined) {
      this.#state = "stopped";
      return this.#pass(Math.max(stop, this.#given));
    }
    return this.#pass(this.#text.length - longestBeginning(this.#text, this.#stops));
  }

  /** What was held back and turned out to be no stop string. Call at the end of the text. */
  rest(): string {
    return this.#state === "open" ? this.#pass(this.#text.length) : "";
  }

  #swallow(piece: string): string {
    const overlap = this.#overlap;
    if (overlap === "") return piece;
    const length = Math.min(overlap.length, piece.length);
    if (overlap.slice(0, length) !== piece.slice(0, length)) {
      this.#state = "diverged";
      return "";
    }
    this.#overlap = overlap.slice(length);
    return piece.slice(length);
  }

  /** Gives what stands before `end`, and forgets what no stop string can reach back to. */
  #pass(end: number): string {
    const passed = this.#text.slice(this.#given, end);
    this.#given = Math.max(this.#given, end);
    const longest = this.#stops.reduce((most, { length }) => Math.max(most, length), 0);
    const forgotten = Math.max(0, this.#given - Math.max(0, longest - 1));
    this.#text = this.#text.slice(forgotten);
    this.#given -= forgotten;
    return passed;
  }
}

/** Where the stop string begins whose end comes first, among those that end behind `from`. */
function earliestEnd(text: string, stops: readonly string[], from: number): number | undefined {
  let found: number | undefined;
  for (const stop of stops) {
    const at = text.indexOf(stop, Math.max(0, from - stop.length + 1));
    if (at >= 0 && (found === undefined || at < found)) found = at;
  }
  return found;
}

/** Length of the longest end of `text` that is a true beginning of some stop string. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
