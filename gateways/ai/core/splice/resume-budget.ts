/**
 * How many broken streams may be gone on with. Each costs its prompt once more, so an upstream that
 * breaks every stream must not double what the others have to do. All streams that are open may
 * break at once, as they do when a server dies, and are gone on with; what is broken again and
 * again is bounded by a share of the open streams each second. Pure.
 */
export interface ResumeBudgetParameters {
  /** Of the open streams, gone on with each second for as long as it takes. */
  readonly ratioPerSecond: number;
  /** That many are always allowed, so that few streams have a budget at all. */
  readonly least: number;
}

export const resumeBudgetDefault: ResumeBudgetParameters = { ratioPerSecond: 0.05, least: 16 };

export class ResumeBudget {
  readonly #parameters: ResumeBudgetParameters;
  /** Gone on with, less what time has forgiven. */
  #spent = 0;
  #atMs: number | undefined;

  constructor(parameters: ResumeBudgetParameters = resumeBudgetDefault) {
    this.#parameters = parameters;
  }

  /** True when one more stream may be gone on with; it is counted then. */
  tryResume(nowMs: number, openStreams: number): boolean {
    const { ratioPerSecond, least } = this.#parameters;
    const passedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#atMs = nowMs;
    const forgiven = (passedMs / 1_000) * Math.max(1, openStreams * ratioPerSecond);
    this.#spent = Math.max(0, this.#spent - forgiven);
    if (this.#spent + 1 > Math.max(least, openStreams)) return false;
    this.#spent += 1;
    return true;
  }
}
