/**
 * The holder's side of a slice of a wallet: how much of it is free, carved out for requests under
 * way, or spent and not yet acknowledged. Pure; quota has the other side (services/quota/core).
 *
 * States:
 * - `open`: reservations may be carved while its last answer is valid.
 * - `ending`: quota said to stop, or the holder does. Nothing is carved any more; what is carved is
 *   settled and the rest given back.
 * - `closed`: nothing is held and quota knows it.
 *
 * A call is made one at a time and repeated with its number until it is answered, so that a call
 * or an answer that is lost or doubled moves nothing twice. What is given back stops being free
 * when the call is made, not when it is answered. At every moment quota holds at least
 * `free + carved`: so what all holders spend together never exceeds the wallet.
 */

export type WalletLeaseState = "open" | "ending" | "closed";

/** All amounts in nanos. */
export interface WalletCall {
  readonly leaseId: string;
  /** 1, 2, 3 … */
  readonly number: bigint;
  readonly neededNanos: bigint;
  readonly leastNanos: bigint;
  readonly carvedNanos: bigint;
  readonly returnedNanos: bigint;
  /** Free and carved after what is given back: quota returns whatever it holds beyond. */
  readonly keptNanos: bigint;
  /** Set when the holder promises to carve no more until its next call is answered. */
  readonly ceilingNanos: bigint | undefined;
}

export interface WalletAnswer {
  readonly grantedNanos: bigint;
  readonly validMs: number;
  readonly isSuperseded: boolean;
  readonly isScarce: boolean;
}

/**
 * How often a lease is renewed at the least. Much shorter than it is valid: changes of budgets are
 * heard soon, and an outage finds it with most of its validity left.
 */
const renewMsMax = 2_500;
/** A stock below this part of its usual size is filled up before it runs dry. */
const refillBelow = 2n;

export class WalletLease {
  readonly id: string;
  #state: WalletLeaseState = "open";
  #freeNanos = 0n;
  #carvedNanos = 0n;
  /** The stock after the last grant: what half of is worth a call. */
  #stockNanos = 0n;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #renewAtMs = Number.NEGATIVE_INFINITY;
  #isScarce: boolean = false;
  /** Quota holds what we do, and nothing more. */
  #isReconciled: boolean = true;
  #calls = 0n;
  #pending: { readonly call: WalletCall; readonly sentAtMs: number } | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get state(): WalletLeaseState {
    return this.#state;
  }

  get freeNanos(): bigint {
    return this.#freeNanos;
  }

  /** Reserved for requests under way, or spent and not yet acknowledged. */
  get carvedNanos(): bigint {
    return this.#carvedNanos;
  }

  /** The wallet or a budget is near its end: keep no stock. */
  get isScarce(): boolean {
    return this.#isScarce;
  }

  /**
   * Quota may hold more than we know of: a charge that it had booked, and we had not heard of yet,
   * counted as carved in our last call, so that much of the hold was left where it was. The next
   * call with nothing carved sets it right.
   */
  get wantsReconciling(): boolean {
    return !this.#isReconciled && this.#carvedNanos === 0n && this.#pending === undefined;
  }

  /** A call was made that is not answered yet. */
  get isCalling(): boolean {
    return this.#pending !== undefined;
  }

  canCarveAt(nowMs: number): boolean {
    return this.#state === "open" && nowMs < this.#validUntilMs;
  }

  /** Takes a reservation out of the slice; false when it does not fit or may not be. */
  carve(nanos: bigint, nowMs: number): boolean {
    if (!this.canCarveAt(nowMs) || nanos > this.#freeNanos) return false;
    this.#freeNanos -= nanos;
    this.#carvedNanos += nanos;
    return true;
  }

  /** A request is over: what it did not use is free again, the rest awaits its settlement. */
  finish(reservedNanos: bigint, chargedNanos: bigint): void {
    this.#carvedNanos -= reservedNanos - chargedNanos;
    this.#freeNanos += reservedNanos - chargedNanos;
  }

  /** Quota has this charge in its ledger. */
  acknowledge(chargedNanos: bigint): void {
    this.#carvedNanos -= chargedNanos;
    if (chargedNanos > 0n) this.#isReconciled = false;
  }

  /** True when a call should be made in the background: the stock is low or the lease gets old. */
  wantsRefill(nowMs: number): boolean {
    if (this.#state !== "open" || this.#pending !== undefined) return false;
    if (nowMs >= this.#renewAtMs) return true;
    return !this.#isScarce && this.#freeNanos * refillBelow < this.#stockNanos;
  }

  /** The call to repeat, or the next one. Undefined when closed. */
  call(
    nowMs: number,
    wanted: { readonly neededNanos: bigint; readonly leastNanos: bigint },
  ): WalletCall | undefined {
    if (this.#pending !== undefined) return this.#pending.call;
    if (this.#state === "closed") return undefined;
    const isOpen = this.#state === "open";
    const isNeeded = isOpen && wanted.neededNanos > 0n;
    const returnedNanos = isNeeded || (isOpen && !this.#isScarce) ? 0n : this.#freeNanos;
    return this.#makeCall(nowMs, {
      ...(isOpen ? wanted : { neededNanos: 0n, leastNanos: 0n }),
      returnedNanos,
    });
  }

  /** Gives all that is free back and promises to carve nothing: for a lease nobody uses now. */
  callToRest(nowMs: number): WalletCall | undefined {
    if (this.#pending !== undefined || this.#state === "closed") return undefined;
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
    return this.#makeCall(nowMs, {
      neededNanos: 0n,
      leastNanos: 0n,
      returnedNanos: this.#freeNanos,
    });
  }

  /** Gives back what is free beyond `keepNanos` and goes on: for a lease that is seldom used. */
  callToKeep(nowMs: number, keepNanos: bigint): WalletCall | undefined {
    if (this.#pending !== undefined || this.#state !== "open") return undefined;
    const overNanos = this.#freeNanos > keepNanos ? this.#freeNanos - keepNanos : 0n;
    const nothing = { neededNanos: 0n, leastNanos: 0n };
    return this.#makeCall(nowMs, { ...nothing, returnedNanos: overNanos, mayCarve: true });
  }

  #makeCall(
    nowMs: number,
    given: Pick<WalletCall, "neededNanos" | "leastNanos" | "returnedNanos"> & {
      readonly mayCarve?: boolean;
    },
  ): WalletCall {
    this.#calls += 1n;
    const { mayCarve = this.#state === "open" && given.returnedNanos === 0n, ...parts } = given;
    const call: WalletCall = {
      ...parts,
      leaseId: this.id,
      number: this.#calls,
      carvedNanos: this.#carvedNanos,
      keptNanos: this.#freeNanos + this.#carvedNanos - parts.returnedNanos,
      ceilingNanos: mayCarve ? undefined : this.#carvedNanos,
    };
    this.#isReconciled = this.#carvedNanos === 0n;
    this.#freeNanos -= parts.returnedNanos;
    if (!mayCarve) this.#validUntilMs = Number.NEGATIVE_INFINITY;
    this.#pending = { call, sentAtMs: nowMs };
    return call;
  }

  /** Takes the answer to the call that is pending; one that comes twice changes nothing. */
  answered(number: bigint, answer: WalletAnswer): void {
    const pending = this.#pending;
    if (pending === undefined || pending.call.number !== number) return;
    this.#pending = undefined;
    this.#isScarce = answer.isScarce;
    this.#freeNanos += answer.grantedNanos;
    this.#stockNanos = this.#freeNanos;
    if (answer.isSuperseded) this.end();
    if (this.#state === "open") {
      this.#validUntilMs = pending.sentAtMs + answer.validMs;
      this.#renewAtMs = pending.sentAtMs + Math.min(answer.validMs / 2, renewMsMax);
    } else if (this.#freeNanos === 0n && this.#carvedNanos === 0n) this.#state = "closed";
  }

  /** Nothing is carved from now on. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** An ending lease has something to give back now, or nothing left to wait for. */
  get wantsReturn(): boolean {
    if (this.#state !== "ending" || this.#pending !== undefined) return false;
    return this.#freeNanos > 0n || this.#carvedNanos === 0n;
  }

  /** Quota does not know this lease any more: there is nothing to give back, and nobody to tell. */
  lose(): void {
    this.#state = "closed";
    this.#pending = undefined;
    this.#isReconciled = true;
    this.#freeNanos = 0n;
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
  }
}
