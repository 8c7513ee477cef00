import type { HotStore } from "@tandem/libs/store/hot";
import type { Clock } from "@tandem/libs/world";
import { hotKeyOf } from "./failover-board.ts";

export interface StandbyCostParts {
  readonly clock: Clock;
  readonly hotStore: Pick<HotStore, "increment">;
  /** Nanos a day, all gateway replicas together; undefined for no cap. */
  readonly capNanos: bigint | undefined;
  /** While the shared store is away each replica has its part of the cap. */
  readonly replicas: number;
}

const dayMs = 86_400_000;

/**
 * What the standby cost us today (UTC), counted by all gateways together in the shared store. A
 * cap that protects the operator, not a tenant's budget: replicas learn of one another's spending
 * a second later.
 */
export class StandbyCost {
  readonly #parts: StandbyCostParts;
  #day = -1;
  /** Spent here and not told yet. */
  #untold = 0n;
  #here = 0n;
  #everywhere = 0n;
  #isShared = true;

  constructor(parts: StandbyCostParts) {
    this.#parts = parts;
  }

  get isExhausted(): boolean {
    const { capNanos, replicas } = this.#parts;
    if (capNanos === undefined) return false;
    if (this.#isShared) return this.#everywhere + this.#untold >= capNanos;
    return this.#here >= capNanos / BigInt(replicas);
  }

  spent(nanos: bigint): void {
    this.#untold += nanos;
    this.#here += nanos;
  }

  /** Called once a second. Never rejects. */
  async tick(): Promise<void> {
    const { clock, hotStore, capNanos } = this.#parts;
    if (capNanos === undefined) return;
    const day = Math.floor(clock.nowMs() / dayMs);
    if (day !== this.#day) {
      this.#day = day;
      this.#here = 0n;
      this.#everywhere = 0n;
    }
    const nanos = this.#untold;
    this.#untold = 0n;
    try {
      const key = hotKeyOf("cost", String(day));
      this.#everywhere = BigInt(await hotStore.increment(key, Number(nanos), { ttlMs: 2 * dayMs }));
      this.#isShared = true;
    } catch {
      this.#untold += nanos;
      this.#isShared = false;
    }
  }
}
