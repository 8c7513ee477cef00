export interface RetryBudgetParameters {
  /** Retries earned by each request. */
  readonly ratio: number;
  /** Retries a second that are always allowed, so that a quiet caller can retry at all. */
  readonly perSecondMin: number;
  /** Retries that may be saved up, so that all calls of a dead replica can move at once. */
  readonly burst: number;
}

export const retryBudgetDefault: RetryBudgetParameters = {
  ratio: 0.1,
  perSecondMin: 3,
  burst: 1_024,
};

/**
 * Keeps retries a small share of the requests, so that an outage is not multiplied by them: over
 * any time no more than `ratio` of the requests, plus `perSecondMin` a second, plus `burst` once.
 */
export class RetryBudget {
  readonly #parameters: RetryBudgetParameters;
  #tokens: number;
  #refilledAtMs: number | undefined;

  constructor(parameters: RetryBudgetParameters = retryBudgetDefault) {
    this.#parameters = parameters;
    this.#tokens = parameters.burst;
  }

  /** A request came; its retries are not counted as requests. */
  requested(): void {
    this.#tokens = Math.min(this.#parameters.burst, this.#tokens + this.#parameters.ratio);
  }

  /** True when one more retry is allowed; it is taken from the budget then. */
  tryRetry(nowMs: number): boolean {
    const { burst, perSecondMin } = this.#parameters;
    const passedMs = Math.max(0, nowMs - (this.#refilledAtMs ?? nowMs));
    this.#refilledAtMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (passedMs / 1_000) * perSecondMin);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
