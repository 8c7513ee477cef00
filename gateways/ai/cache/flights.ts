/**
 * Answers under way, by the key of the cache they will be in: who wants the same one waits for it
 * instead of having it made once more. States of a flight: led → landed; whoever waited then finds
 * the answer in the cache, or leads in their turn.
 */
export class Flights {
  /** Who waits for each; undefined while nobody does, which is nearly always. */
  readonly #waiting = new Map<string, Set<() => void> | undefined>();

  /** True for whoever is first, and has to `land` it in any case. */
  lead(key: string): boolean {
    if (this.#waiting.has(key)) return false;
    this.#waiting.set(key, undefined);
    return true;
  }

  /** Calls `onLanded` once the one who leads is through; the function returned ends the wait. */
  follow(key: string, onLanded: () => void): () => void {
    let waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(key, waiting);
    }
    waiting.add(onLanded);
    return () => waiting.delete(onLanded);
  }

  land(key: string): void {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const onLanded of waiting ?? []) onLanded();
  }
}
