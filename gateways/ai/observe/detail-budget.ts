/**
 * How many requests a second are told in full. Failed and slow ones always are; of the others as
 * many as the budget allows, so that telling never costs more than doing.
 */
export class DetailBudget {
  readonly #perSecond: number;
  #tokens: number;
  #refilledAtMs = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  take(nowMs: number): boolean {
    const passedMs = nowMs - this.#refilledAtMs;
    if (passedMs > 10) {
      this.#refilledAtMs = nowMs;
      const earned = (passedMs * this.#perSecond) / 1_000;
      this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
