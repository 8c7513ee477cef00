import type { Demand, LimitGrant, LimitPool } from "./limit-pool.ts";

/** What came of asking the leases: admitted, refused by a limit, or a call has to be made first. */
export type Admission =
  | { readonly kind: "admitted" }
  | { readonly kind: "refused"; readonly by: LimitPool; readonly retryAfterMs: number }
  | { readonly kind: "unknown" };

/** What a request holds of its limits until it is over. */
export interface Admitted {
  readonly demand: Demand;
  readonly pools: readonly LimitPool[];
  readonly epochs: readonly number[];
}

const admitted: Admission = { kind: "admitted" };
const unknown: Admission = { kind: "unknown" };

/**
 * All limits that apply to one subject (a key using a model), leased together. A request takes
 * from all of them or from none. An empty list, once quota has said so, means no limit.
 */
export class SubjectLimits {
  #pools: readonly LimitPool[] = [];
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #renewAtMs = Number.NEGATIVE_INFINITY;
  #isKnown: boolean = false;

  get pools(): readonly LimitPool[] {
    return this.#pools;
  }

  /** Quota has told at least once which limits apply. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  admit(demand: Demand, nowMs: number): Admission {
    if (nowMs >= this.#validUntilMs) return this.#refusalAt(nowMs) ?? unknown;
    for (const pool of this.#pools) {
      if (!pool.covers(demand, nowMs)) return this.#refusalAt(nowMs) ?? unknown;
    }
    for (const pool of this.#pools) pool.take(demand);
    return admitted;
  }

  /** The limit that quota has refused for longest, while that lasts: no need to ask again. */
  #refusalAt(nowMs: number): Admission | undefined {
    let by: LimitPool | undefined;
    let retryAfterMs = 0;
    for (const pool of this.#pools) {
      const forMs = pool.refusedForMs(nowMs);
      if (forMs > retryAfterMs) {
        by = pool;
        retryAfterMs = forMs;
      }
    }
    return by === undefined ? undefined : { kind: "refused", by, retryAfterMs };
  }

  /** What the admitted request has to bring when it is over. */
  holding(demand: Demand): Admitted {
    return { demand, pools: this.#pools, epochs: this.#pools.map(({ epoch }) => epoch) };
  }

  /** A call should be made in the background so that no request has to wait for one. */
  wantsRenewal(demand: Demand, nowMs: number): boolean {
    if (nowMs >= this.#renewAtMs) return true;
    return this.#pools.some((pool) => !pool.covers(demand, nowMs));
  }

  granted(
    grants: readonly LimitGrant[],
    lease: {
      readonly poolOf: (grant: LimitGrant) => LimitPool;
      readonly nowMs: number;
      readonly validMs: number;
    },
  ): void {
    const { nowMs, validMs } = lease;
    this.#pools = grants.map((grant) => {
      const pool = lease.poolOf(grant);
      pool.grant(grant, { nowMs, validMs });
      return pool;
    });
    this.#isKnown = true;
    this.#extend(nowMs, validMs);
  }

  /** Goes on without quota: with its share of the limits known, or with none known. */
  grantShare(lease: { nowMs: number; validMs: number; replicas: number }): void {
    for (const pool of this.#pools) pool.grantShare(lease);
    this.#extend(lease.nowMs, lease.validMs);
  }

  #extend(nowMs: number, validMs: number): void {
    this.#validUntilMs = nowMs + validMs;
    this.#renewAtMs = nowMs + validMs / 2;
  }

  /** Limits have changed: ask anew before anything else is admitted. */
  forget(): void {
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
    this.#renewAtMs = Number.NEGATIVE_INFINITY;
    for (const pool of this.#pools) pool.forget();
  }
}

/** The request is over, having used this many tokens. */
export function finishAdmitted(held: Admitted, usedTokens: number): void {
  for (const [index, pool] of held.pools.entries()) {
    pool.giveBack(held.demand, { epoch: held.epochs[index] ?? 0, usedTokens });
  }
}

/** The request used nothing after all. */
export function undoAdmitted(held: Admitted): void {
  for (const [index, pool] of held.pools.entries()) {
    pool.undo(held.demand, held.epochs[index] ?? 0);
  }
}
