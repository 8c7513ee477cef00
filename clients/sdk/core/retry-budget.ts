export interface RetryBudgetOptions {
  /** What each first attempt adds: 0.2 lets one in five be tried again. */
  readonly perRequest: number;
  /** What time adds, so that a few calls can be tried again too. */
  readonly perSecond: number;
  readonly max: number;
}

/**
 * How many retries a program may make altogether. Without a bound, clients that try three times
 * make three times the load out of a server that is only slow. Pure.
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #tokens: number;
  #atMs: number | undefined;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#tokens = options.max;
  }

  /** A request that is asked for the first time. */
  deposit(nowMs: number): void {
    this.#refill(nowMs);
    this.#add(this.#options.perRequest);
  }

  /** True when a retry may be made now. */
  withdraw(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#atMs = nowMs;
    this.#add((elapsedMs / 1_000) * this.#options.perSecond);
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#options.max, this.#tokens + tokens);
  }
}
