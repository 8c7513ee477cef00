import { type WalletCall, WalletLease } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { newId, type World } from "@tandem/libs/world";
import { aiFaults } from "../faults.ts";

/** Whose money a request spends. Empty where there is nobody. */
export interface Payer {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
}

/** What quota answers to a call. */
export interface WalletReply {
  readonly grantedNanos: bigint;
  readonly validMs: number;
  readonly currency: string;
  /** Set when less than needed was granted. */
  readonly limitSource: string;
  readonly resetsAtMs: number;
  readonly scopedBy: readonly string[];
  readonly isSuperseded: boolean;
  readonly isScarce: boolean;
  /** Others were told to give back what they have in stock: ask again in a moment. */
  readonly isCallingIn: boolean;
  /** Budgets that are nearly spent, as answers are to say it; empty for none. */
  readonly warning: string;
}

export interface WalletLineParts {
  readonly world: World;
  readonly callQuota: (payer: Payer, call: WalletCall) => Promise<WalletReply>;
  /** Told of every answer: by which fields budgets tell requests apart. */
  readonly onScope: (scopedBy: readonly string[]) => void;
  /** How long a request waits for money before it is told that nobody can be asked. */
  readonly patienceMs: number;
  /** The lines of all organisations that keep a little money ready although nobody uses them. */
  readonly standing: Set<WalletLine>;
}

/** Money that is held for one request, until it is finished. */
export interface Reservation {
  readonly lease: WalletLease;
  readonly nanos: bigint;
  /** See `WalletReply`. */
  readonly warning: string;
}

interface Waiting {
  readonly wantedNanos: bigint;
  readonly leastNanos: bigint;
  readonly sinceMs: number;
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (fault: Fault) => void;
}

const retryPauseMs = 100;
/** The same while nobody waits for the answer. */
const quietRetryPauseMs = 1_000;
/** After a refusal others of this line are refused for this long without asking. */
const refusalKeptMs = 500;
/** How long a request waits for money that others were told to give back. */
const callingInMs = 1_000;
/**
 * A line that nobody used for this long gives its money back, but for what a few requests like its
 * last one take: so that its callers are served when quota goes away meanwhile.
 */
const idleMs = 10_000;
const standingRequests = 4n;
/** That is renewed so often that two thirds of its validity are left whenever quota goes away. */
const renewalsOfStanding = 3;
/** After this long without use that goes back, too. */
const standingMsMax = 15 * 60_000;
/** Lines of a replica that keep any: what their renewals cost quota is bounded, 7 calls a second. */
const standingMax = 200;

/**
 * Money for the requests that one lease serves: carved at once while there is some, else waited for
 * in order. One call to quota at a time; a lease that ends is followed by another, while what was
 * carved from it is settled.
 */
export class WalletLine {
  readonly payer: Payer;
  readonly #parts: WalletLineParts;
  #lease: WalletLease;
  /** Leases that were given up and still hold something, and those of them that say so now. */
  readonly #ending = new Set<WalletLease>();
  readonly #returning = new Set<WalletLease>();
  #waiting: Waiting[] = [];
  #isCalling: boolean = false;
  #pauseUntilMs = Number.NEGATIVE_INFINITY;
  #refusal: { readonly untilMs: number; readonly fault: Fault } | undefined;
  #usedAtMs: number;
  #typicalNanos = 1n;
  #keptAtMs = Number.NEGATIVE_INFINITY;
  #validMs = 0;
  #warning = "";
  #isRetired: boolean = false;

  constructor(payer: Payer, parts: WalletLineParts) {
    this.payer = payer;
    this.#parts = parts;
    this.#lease = new WalletLease(newId(parts.world, "lse"));
    this.#usedAtMs = parts.world.clock.monotonicMs();
  }

  /** Gives its money back as soon as nobody waits for it: another line has taken its place. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Nothing is held here and nobody waits. */
  get isAtRest(): boolean {
    const { freeNanos, carvedNanos, isCalling, wantsReconciling } = this.#lease;
    const isEmpty = freeNanos === 0n && carvedNanos === 0n && !isCalling && !wantsReconciling;
    return isEmpty && this.#ending.size === 0 && this.#waiting.length === 0;
  }

  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  /** Carves at once, if that can be done; the steady path. */
  tryReserve(nanos: bigint): Reservation | undefined {
    const nowMs = this.#nowMs();
    this.#usedAtMs = nowMs;
    if (this.#waiting.length > 0 || !this.#lease.carve(nanos, nowMs)) return undefined;
    this.#typicalNanos = nanos;
    if (this.#lease.wantsRefill(nowMs)) this.#call();
    return { lease: this.#lease, nanos, warning: this.#warning };
  }

  /**
   * Waits for money: all that is wanted, or what there is if that is enough. Throws `ai.no_credit`,
   * `ai.budget_reached`, or `ai.wallet_unavailable`.
   */
  reserve(wantedNanos: bigint, leastNanos: bigint): Promise<Reservation> {
    const nowMs = this.#nowMs();
    const refusal = this.#refusal;
    if (refusal !== undefined && nowMs < refusal.untilMs) return Promise.reject(refusal.fault);
    this.#typicalNanos = wantedNanos;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ wantedNanos, leastNanos, sinceMs: nowMs, resolve, reject });
      this.#call();
    });
  }

  /** Something about this organisation's money has changed: ask again, whatever was said. */
  forgetRefusal(): void {
    this.#refusal = undefined;
  }

  /** What lies here unused may be wanted elsewhere: asks quota, which says so. */
  offer(): void {
    if (this.#waiting.length === 0 && this.#lease.freeNanos > 0n) this.#keep(this.#lease.freeNanos);
  }

  /** Called some times a second. */
  tick(nowMs: number): void {
    this.#dropImpatient(nowMs);
    const { freeNanos, isCalling, isScarce, wantsReconciling } = this.#lease;
    const holdsMore = freeNanos > 0n || wantsReconciling;
    if (this.#waiting.length > 0) this.#call();
    else if (isCalling) this.#callAgain(nowMs);
    else if (this.#isIdle(nowMs)) this.#stand(nowMs);
    else if (isScarce && holdsMore) this.#call();
    else this.#parts.standing.delete(this);
    for (const lease of this.#ending) void this.#finishLease(lease);
  }

  /** Gives everything back that is not carved. Resolves when quota has heard it, or cannot. */
  async close(): Promise<void> {
    this.#parts.standing.delete(this);
    this.#retire();
    await Promise.all([...this.#ending].map((lease) => this.#finishLease(lease)));
  }

  #nowMs(): number {
    return this.#parts.world.clock.monotonicMs();
  }

  #isIdle(nowMs: number): boolean {
    return this.#isRetired || nowMs - this.#usedAtMs > idleMs;
  }

  #dropImpatient(nowMs: number): void {
    const { patienceMs } = this.#parts;
    const late = this.#waiting.filter(({ sinceMs }) => nowMs - sinceMs > patienceMs);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ sinceMs }) => nowMs - sinceMs <= patienceMs);
    for (const { reject } of late) reject(aiFaults.wallet_unavailable({ retryAfterMs: 2_000 }));
  }

  /** Makes the next call, or repeats the one that was not answered. */
  #call(): void {
    const nowMs = this.#nowMs();
    if (this.#isCalling || nowMs < this.#pauseUntilMs) return;
    const lease = this.#lease;
    const call = lease.call(nowMs, this.#needs());
    if (call !== undefined) void this.#makeCall(lease, call);
  }

  /** Quota did not answer: without it the lease would end when its validity does. */
  #callAgain(nowMs: number): void {
    if (nowMs >= this.#pauseUntilMs + quietRetryPauseMs - retryPauseMs) this.#call();
  }

  /** What an idle line keeps: the price of a few requests, while there is plenty. */
  #stand(nowMs: number): void {
    const { freeNanos, isScarce, wantsReconciling } = this.#lease;
    if (freeNanos === 0n && !wantsReconciling) return;
    const { standing } = this.#parts;
    const isPlaced = standing.has(this) || standing.size < standingMax;
    const isLate = this.#isRetired || nowMs - this.#usedAtMs > standingMsMax;
    if (isScarce || isLate || !isPlaced || freeNanos === 0n) {
      this.#rest();
      return;
    }
    standing.add(this);
    const keepNanos = this.#typicalNanos * standingRequests;
    const isOld = nowMs >= this.#keptAtMs + this.#validMs / renewalsOfStanding;
    if (isOld || freeNanos > keepNanos || wantsReconciling) this.#keep(keepNanos);
  }

  #keep(nanos: bigint): void {
    const nowMs = this.#nowMs();
    if (this.#isCalling || nowMs < this.#pauseUntilMs) return;
    this.#keptAtMs = nowMs;
    const call = this.#lease.callToKeep(nowMs, nanos);
    if (call !== undefined) void this.#makeCall(this.#lease, call);
  }

  #rest(): void {
    this.#parts.standing.delete(this);
    if (this.#isCalling) return;
    const call = this.#lease.callToRest(this.#nowMs());
    if (call !== undefined) void this.#makeCall(this.#lease, call);
  }

  #needs(): { readonly neededNanos: bigint; readonly leastNanos: bigint } {
    const { freeNanos, isScarce } = this.#lease;
    const [first] = this.#waiting;
    if (first === undefined) {
      return { neededNanos: isScarce ? 0n : this.#typicalNanos, leastNanos: 0n };
    }
    let wanted = 0n;
    let least = first.leastNanos;
    for (const waiting of this.#waiting) {
      wanted += waiting.wantedNanos;
      if (waiting.leastNanos < least) least = waiting.leastNanos;
    }
    return {
      neededNanos: wanted > freeNanos ? wanted - freeNanos : 1n,
      leastNanos: least > freeNanos ? least - freeNanos : 1n,
    };
  }

  async #makeCall(lease: WalletLease, call: WalletCall): Promise<void> {
    this.#isCalling = true;
    try {
      const reply = await this.#parts.callQuota(this.payer, call);
      lease.answered(call.number, reply);
      this.#warning = reply.warning;
      this.#validMs = reply.validMs;
      this.#parts.onScope(reply.scopedBy);
      this.#isCalling = false;
      this.#serve(reply);
    } catch (error) {
      this.#isCalling = false;
      if (isFinal(error)) {
        // Quota knows nothing of this lease: it keeps what it held, and we begin anew.
        lease.lose();
      }
      this.#pauseUntilMs = this.#nowMs() + retryPauseMs;
    }
    if (this.#lease.state !== "open") this.#retire();
    // A standing line whose lease was ended, by the end of a period say, begins another one.
    const isToStand = this.#parts.standing.has(this) && this.#lease.freeNanos === 0n;
    if (this.#waiting.length > 0 || (isToStand && lease !== this.#lease)) this.#call();
  }

  /** Gives money to those who wait, in their order, and tells those it does not suffice for. */
  #serve(reply: WalletReply): void {
    const nowMs = this.#nowMs();
    const isShort = reply.limitSource !== "";
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const lease = this.#lease;
      const offered =
        lease.freeNanos < next.wantedNanos && isShort ? lease.freeNanos : next.wantedNanos;
      if (offered >= next.leastNanos && lease.carve(offered, nowMs)) {
        this.#waiting.shift();
        next.resolve({ lease, nanos: offered, warning: this.#warning });
      } else if (isShort && reply.isCallingIn && nowMs - next.sinceMs < callingInMs) {
        this.#pauseUntilMs = nowMs + retryPauseMs;
        return;
      } else if (isShort) {
        this.#waiting.shift();
        const fault = shortageFault(reply);
        this.#refusal = { untilMs: nowMs + refusalKeptMs, fault };
        next.reject(fault);
      } else return;
    }
  }

  /** The lease is over: another one serves from now on. */
  #retire(): void {
    this.#lease.end();
    if (this.#lease.state === "ending") this.#ending.add(this.#lease);
    this.#lease = new WalletLease(newId(this.#parts.world, "lse"));
  }

  async #finishLease(lease: WalletLease): Promise<void> {
    if (!lease.isCalling && !lease.wantsReturn) return;
    if (this.#returning.has(lease)) return;
    const call = lease.call(this.#nowMs(), { neededNanos: 0n, leastNanos: 0n });
    if (call === undefined) {
      this.#ending.delete(lease);
      return;
    }
    this.#returning.add(lease);
    try {
      lease.answered(call.number, await this.#parts.callQuota(this.payer, call));
    } catch (error) {
      if (isFinal(error)) lease.lose();
    } finally {
      this.#returning.delete(lease);
    }
    if (lease.state === "closed") this.#ending.delete(lease);
  }
}

/** Not an outage: asking the same again will be answered the same. */
function isFinal(error: unknown): boolean {
  return (
    Fault.is(error) &&
    (error.code === "permission_denied" ||
      error.code === "not_found" ||
      error.code === "invalid_argument")
  );
}

function shortageFault({ limitSource, resetsAtMs }: WalletReply): Fault {
  const context = { limit_source: limitSource, resets_at_ms: resetsAtMs };
  return limitSource === "wallet"
    ? aiFaults.no_credit({ context })
    : aiFaults.budget_reached({ context });
}
