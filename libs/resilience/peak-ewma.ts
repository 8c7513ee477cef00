/** Time constant of the decay, in milliseconds (peak-EWMA, tau 10 s). */
const tauMs = 10_000;
const unseenCost = 1e9;
/** Below this, differences are noise; calls in flight decide. */
const latencyFloorMs = 0.1;

/**
 * How expensive one target is at the moment: an average of its latencies that jumps up at once and
 * decays slowly, times the calls it is working on. A target that got slow is seen at its first slow
 * answer; one that recovered earns its share back over some ten seconds.
 */
export class PeakEwma {
  #latencyMs = 0;
  #observedAtMs = 0;
  #isSeen = false;
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The average at this moment, in milliseconds; 0 while nothing was observed. */
  latencyMs(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#observedAtMs);
    return this.#latencyMs * Math.exp(-passedMs / tauMs);
  }

  started(): void {
    this.#inFlight += 1;
  }

  ended(): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
  }

  /**
   * The time to an answer's first byte. A target that refuses quickly must not look fast: give
   * `failureLatencyMs` for refusals by overload.
   */
  observed(latencyMs: number, nowMs: number): void {
    const weight = Math.exp(-Math.max(0, nowMs - this.#observedAtMs) / tauMs);
    const average = this.#latencyMs * weight + latencyMs * (1 - weight);
    this.#latencyMs = this.#isSeen ? Math.max(latencyMs, average) : latencyMs;
    this.#observedAtMs = nowMs;
    this.#isSeen = true;
  }

  /** Lower is better. A target that has work but never answered costs more than any other. */
  cost(nowMs: number): number {
    if (!this.#isSeen) return this.#inFlight === 0 ? 0 : unseenCost + this.#inFlight;
    return Math.max(this.latencyMs(nowMs), latencyFloorMs) * (this.#inFlight + 1);
  }
}

/** What a quick 503 counts as, in milliseconds (Linkerd's lesson: failing fast must not attract). */
export const failureLatencyMs = 5_000;
