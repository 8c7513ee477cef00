/**
 * Finds stop strings in a text that comes in pieces, and holds back what may be the beginning of
 * one. Pure; state is the held text.
 */
export class StopText {
  readonly #stops: readonly string[];
  #held = "";
  #state: "open" | "stopped" = "open";

  /** Empty stop strings are ignored: every text would end before it began. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "");
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** The text that is safe to pass on; what follows a stop string, and the string, never is. */
  push(piece: string): string {
    if (this.isStopped) return "";
    const text = this.#held + piece;
    const at = earliest(text, this.#stops);
    if (at !== undefined) {
      this.#state = "stopped";
      this.#held = "";
      return text.slice(0, at);
    }
    const safe = text.length - longestOverlap(text, this.#stops);
    this.#held = text.slice(safe);
    return text.slice(0, safe);
  }

  /** What was held back and turned out to be no stop string. Call at the end of the text. */
  rest(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }
}

function earliest(text: string, stops: readonly string[]): number | undefined {
  let found: number | undefined;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && (found === undefined || at < found)) found = at;
  }
  return found;
}

/** Length of the longest end of `text` that is a true beginning of some stop string. */
function longestOverlap(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
