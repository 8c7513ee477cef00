/**
 * The part of one limit that a replica may admit by itself. Pure.
 *
 * Rates (`requests`, `tokens`) are a store that grants add to and requests empty; what is left when
 * the lease ends goes back. Places (`concurrency`) are owned: a request occupies one and leaves it
 * again, and those that are not needed are given back with the next call.
 */

export type LimitKind = "requests" | "tokens" | "concurrency";

export interface LimitGrant {
  readonly limitId: string;
  readonly kind: LimitKind;
  readonly granted: number;
  /** The limit, what is left of it everywhere, and when it is whole again. */
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
  /** Set when nothing was granted. */
  readonly retryAfterMs: number;
  readonly windowMs: number;
  /** While the limit is raised: when that ends by itself, and what the limit is then. */
  readonly raise?: { readonly endsInMs: number; readonly limitAfter: number } | undefined;
}

/** What one request wants of a pool. */
export interface Demand {
  /** Prompt and answer at most; what was not used comes back. */
  readonly tokens: number;
}

/** One place in so many in use is kept in stock. */
const sparePart = 4;
/**
 * A refusal may tell of hours; the limit may be raised or lifted meanwhile, and the word be lost.
 * One question per subject in this time is what it costs not to hang on one message.
 */
const refusalTrustedMs = 5_000;

export class LimitPool {
  readonly id: string;
  readonly kind: LimitKind;
  #limit = 0;
  #isKnown: boolean = false;
  #windowMs = 0;
  #raise: { readonly endsAtMs: number; readonly limitAfter: number } | undefined;
  /** Tokens in store, or places owned. */
  #available = 0;
  #inUse = 0;
  #unspent = 0;
  /**
   * Which grant filled the pool last; a request gives back only to the one it took from. Below 0
   * while the replica goes on by itself: what it granted itself is nothing to give back to quota.
   */
  #epoch = 0;
  #grants = 0;
  /** A share's tokens that are not in store: fractions, and what an ended lease had left. */
  #credit = 0;
  #creditAtMs = 0;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  #refusalTrustedUntilMs = Number.NEGATIVE_INFINITY;
  #filledAtMs = Number.NEGATIVE_INFINITY;
  #remaining = 0;
  #resetAtMs = 0;

  constructor(id: string, kind: LimitKind) {
    this.id = id;
    this.kind = kind;
  }

  get limit(): number {
    return this.#limit;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Places in use, or what a rate has in store. */
  get level(): number {
    return this.kind === "concurrency" ? this.#inUse : this.#available;
  }

  /** Left of the limit as far as this replica knows. */
  remainingAt(nowMs: number): number {
    if (this.kind === "concurrency") return Math.max(0, this.#limit - this.#inUse);
    const isCurrent = nowMs < this.#validUntilMs;
    return Math.max(0, Math.floor(this.#remaining + (isCurrent ? this.#available : 0)));
  }

  /** Milliseconds until the limit is whole again. */
  resetMsAt(nowMs: number): number {
    return Math.max(0, this.#resetAtMs - nowMs);
  }

  /** Milliseconds for which quota has refused this limit; 0 when it has not, or not lately. */
  refusedForMs(nowMs: number): number {
    if (nowMs >= this.#refusalTrustedUntilMs) return 0;
    return Math.max(0, this.#refusedUntilMs - nowMs);
  }

  /** What this demand takes; never more than the limit itself, or it could never pass. */
  amountOf(demand: Demand): number {
    if (this.kind !== "tokens") return 1;
    return this.#isKnown ? Math.min(demand.tokens, this.#limit) : demand.tokens;
  }

  covers(demand: Demand, nowMs: number): boolean {
    if (nowMs >= this.#validUntilMs) return false;
    const amount = this.amountOf(demand);
    return this.kind === "concurrency"
      ? this.#inUse + amount <= this.#available
      : this.#available >= amount;
  }

  take(demand: Demand): void {
    if (this.kind === "concurrency") this.#inUse += 1;
    else this.#available -= this.amountOf(demand);
  }

  /** The request is over; it took from the pool in this epoch and really used this much. */
  giveBack(demand: Demand, { epoch, usedTokens }: { epoch: number; usedTokens: number }): void {
    if (this.kind === "concurrency") this.#inUse -= 1;
    if (this.kind !== "tokens") return;
    const rest = this.amountOf(demand) - usedTokens;
    // Using more than was asked for is a debt, which the next grant pays.
    if (epoch === this.#epoch || rest < 0) this.#available += rest;
    else if (epoch >= 0) this.#unspent += rest;
  }

  /** Nothing came of it at all: a refusal elsewhere, or an answer from the cache. */
  undo(demand: Demand, epoch: number): void {
    if (this.kind === "concurrency") this.#inUse -= 1;
    else if (epoch === this.#epoch) this.#available += this.amountOf(demand);
    else if (epoch >= 0) this.#unspent += this.amountOf(demand);
  }

  /** A place in use that nobody granted: what was admitted elsewhere goes on here. */
  occupy(): void {
    this.#inUse += 1;
    this.#available += 1;
  }

  /** It goes as it came, and is no place for anybody else. */
  vacate(): void {
    this.#inUse -= 1;
    this.#available = Math.max(this.#inUse, this.#available - 1);
  }

  grant(grant: LimitGrant, { nowMs, validMs }: { nowMs: number; validMs: number }): void {
    this.#limit = grant.limit;
    this.#isKnown = true;
    this.#windowMs = grant.windowMs;
    this.#raise = grant.raise && {
      endsAtMs: nowMs + grant.raise.endsInMs,
      limitAfter: grant.raise.limitAfter,
    };
    this.#remaining = grant.remaining;
    this.#resetAtMs = nowMs + grant.resetMs;
    this.#refusedUntilMs =
      grant.granted === 0 && grant.retryAfterMs > 0
        ? nowMs + grant.retryAfterMs
        : Number.NEGATIVE_INFINITY;
    this.#refusalTrustedUntilMs = nowMs + refusalTrustedMs;
    this.expire(nowMs);
    this.#grants += 1;
    this.#epoch = this.#grants;
    this.#fill(grant.granted, { nowMs, validMs });
  }

  /**
   * Quota cannot be asked: this replica's share of the limit, by its own clock. A bucket of the
   * share's size that the share refills, and that begins with a share of what quota said was left.
   */
  grantShare({ nowMs, validMs, replicas }: GrantShare): void {
    if (nowMs < this.#validUntilMs) return;
    this.#endRaise(nowMs);
    const share = this.#limit / replicas;
    if (this.kind === "concurrency") {
      const missing = Math.max(1, Math.floor(share)) - this.#available;
      this.#fill(Math.max(0, missing), { nowMs, validMs });
      return;
    }
    this.expire(nowMs);
    if (this.#epoch >= 0) {
      this.#epoch = -1 - this.#grants;
      this.#credit = this.#remaining / replicas;
      this.#creditAtMs = this.#filledAtMs;
    }
    const windowMs = this.#windowMs > 0 ? this.#windowMs : validMs;
    this.#credit += (share * (nowMs - this.#creditAtMs)) / windowMs;
    this.#creditAtMs = nowMs;
    const whole = Math.floor(Math.min(this.#credit, Math.max(share, 1)));
    this.#credit = Math.min(this.#credit, Math.max(share, 1)) - whole;
    this.#fill(whole, { nowMs, validMs });
  }

  /** Nobody has to tell us: when it ends was said when it was granted. */
  #endRaise(nowMs: number): void {
    if (this.#raise === undefined || nowMs < this.#raise.endsAtMs) return;
    this.#limit = this.#raise.limitAfter;
    this.#remaining = Math.min(this.#remaining, this.#limit);
    this.#available = Math.min(this.#available, this.#limit);
    this.#raise = undefined;
  }

  #fill(amount: number, { nowMs, validMs }: { nowMs: number; validMs: number }): void {
    this.#available += amount;
    this.#validUntilMs = nowMs + validMs;
    this.#filledAtMs = nowMs;
  }

  /** What an ended lease had in store is to be given back; a debt stays. */
  expire(nowMs: number): void {
    if (nowMs < this.#validUntilMs || this.kind === "concurrency") return;
    const rest = Math.max(0, this.#available);
    if (this.#epoch < 0) this.#credit += rest;
    else this.#unspent += rest;
    this.#available = Math.min(0, this.#available);
  }

  /** Takes what is to be given back with the next call. */
  takeUnspent(): number {
    const unspent = Math.floor(this.#unspent);
    this.#unspent -= unspent;
    return unspent;
  }

  /** What a call should ask for so that these demands pass: with any debt on top. */
  wantedFor(demands: readonly Demand[], nowMs: number): number {
    if (this.kind === "concurrency") {
      return Math.max(0, this.#inUse + demands.length - this.#available);
    }
    this.expire(nowMs);
    let wanted = 0;
    for (const demand of demands) wanted += this.amountOf(demand);
    return Math.max(0, Math.ceil(wanted - this.#available));
  }

  /** Places to be told as held, after letting go of those that `waiting` requests do not need. */
  keepPlaces(waiting: number): number {
    const spare = Math.ceil(this.#inUse / sparePart);
    this.#available = Math.min(this.#available, this.#inUse + waiting + spare);
    // Those in use are held, whatever anybody else may think.
    this.#available = Math.max(this.#available, this.#inUse);
    return this.#available;
  }

  /** The limits are to be asked for anew. */
  forget(): void {
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
    this.#refusedUntilMs = Number.NEGATIVE_INFINITY;
  }
}

interface GrantShare {
  readonly nowMs: number;
  readonly validMs: number;
  /** Replicas that share the limit. */
  readonly replicas: number;
}
