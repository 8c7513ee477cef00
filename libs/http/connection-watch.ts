import type { ServerLimits } from "./limits.ts";

/** What a connection waits for at the moment of a sweep. */
export type Awaited = "request" | "head" | "body" | "answer" | "farewell";

/** After the last answer: how long a peer may take to see it, in milliseconds. */
const lingerMs = 2_000;

/**
 * The patience of one connection. Instead of setting and clearing timers for every request, the
 * server sweeps over its connections some times a second and asks each; so limits are kept to
 * within one sweep.
 */
export class ConnectionWatch {
  readonly #limits: ServerLimits;
  #awaited: Awaited = "request";
  #waitedMs = 0;
  #bodyBytes = 0;
  #bodyBytesBefore = 0;
  #bodyIdleMs = 0;
  #unsentBytes = 0;
  #unsentMs = 0;

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  bodyArrived(bytes: number): void {
    this.#bodyBytes += bytes;
  }

  /** A new head is awaited, even if the one before came since the last sweep. */
  restart(): void {
    this.#waitedMs = 0;
    this.#bodyBytes = 0;
    this.#bodyBytesBefore = 0;
    this.#bodyIdleMs = 0;
  }

  /** True when patience with what is awaited has ended. */
  isOverdue(awaited: Awaited, passedMs: number): boolean {
    if (awaited === this.#awaited) {
      this.#waitedMs += passedMs;
    } else {
      this.#awaited = awaited;
      this.#waitedMs = 0;
    }
    switch (awaited) {
      case "request":
        return this.#waitedMs >= this.#limits.idleTimeoutMs;
      case "head":
        return this.#waitedMs >= this.#limits.headTimeoutMs;
      case "body":
        return this.#isBodyOverdue(passedMs);
      case "farewell":
        return this.#waitedMs >= lingerMs;
      case "answer":
        return false;
    }
  }

  /** True when the peer has let written bytes lie for too long. */
  isStalled(unsentBytes: number, passedMs: number): boolean {
    const isSame = unsentBytes > 0 && unsentBytes >= this.#unsentBytes;
    this.#unsentMs = isSame ? this.#unsentMs + passedMs : 0;
    this.#unsentBytes = unsentBytes;
    return this.#unsentMs >= this.#limits.writeStallTimeoutMs;
  }

  #isBodyOverdue(passedMs: number): boolean {
    const { bodyIdleTimeoutMs, bodyRateMin, bodyRateGraceMs } = this.#limits;
    this.#bodyIdleMs = this.#bodyBytes > this.#bodyBytesBefore ? 0 : this.#bodyIdleMs + passedMs;
    this.#bodyBytesBefore = this.#bodyBytes;
    if (this.#bodyIdleMs >= bodyIdleTimeoutMs) return true;
    const countedMs = this.#waitedMs - bodyRateGraceMs;
    return countedMs > 0 && this.#bodyBytes < (countedMs / 1_000) * bodyRateMin;
  }
}
