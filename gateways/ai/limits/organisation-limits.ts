import {
  type Admission,
  type Admitted,
  type Demand,
  type LimitGrant,
  LimitPool,
  SubjectLimits,
} from "@tandem/libs/gateway";
import type { Fault } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import { aiFaults } from "../faults.ts";
import type { Payer } from "../money/wallet-line.ts";
import { HeldPlaces } from "./held-places.ts";

/** What a call asks for: tokens and places on top of what is there, and what goes back. */
export interface LimitCall {
  readonly payer: Payer;
  readonly requestsWanted: number;
  readonly tokensWanted: number;
  readonly placesWanted: number;
  readonly returned: ReadonlyMap<string, number>;
  /** Places held after this call, by limit. */
  readonly held: ReadonlyMap<string, number>;
}

export interface LimitReply {
  readonly grants: readonly LimitGrant[];
  readonly validMs: number;
  readonly placesValidMs: number;
  /** Counted by each replica of quota for itself. */
  readonly isDegraded: boolean;
}

export interface LimitParts {
  readonly world: World;
  readonly callQuota: (call: LimitCall) => Promise<LimitReply>;
  /** Gateway replicas as of now, which share the limits while quota cannot be asked. */
  readonly replicas: number;
}

/** A request that its limits let through, until it is over. */
export interface Passage {
  readonly admitted: Admitted;
  readonly subject: SubjectLimits;
  /** The limits could not be asked for, or only in part: mark the answer. */
  readonly isDegraded: boolean;
}

interface Subject {
  readonly limits: SubjectLimits;
  readonly payer: Payer;
  readonly waiting: Waiting[];
  /** Of other replicas' requests, until it is known which limits there are. */
  readonly arriving: HeldPlaces[];
  wantsRenewal: boolean;
  isDegraded: boolean;
  usedAtMs: number;
  typicalTokens: number;
}

interface Waiting {
  readonly demand: Demand;
  calls: number;
  readonly resolve: (passage: Passage) => void;
  readonly reject: (fault: Fault) => void;
}

/** Quota may refuse for want of one more call only: what was learnt by the first one. */
const callsMax = 3;
const forgottenAfterMs = 60_000;
/** How long a replica goes on by itself before it asks again. */
const shareValidMs = 1_000;

/**
 * The limits of one organisation's requests. Admits at once from leases; one call to quota at a
 * time, as its contract wants it. While quota is away the replica's share of the limits counts.
 */
export class OrganisationLimits {
  readonly #parts: LimitParts;
  readonly #pools = new Map<string, LimitPool>();
  readonly #subjects = new Map<string, Subject>();
  #isCalling: boolean = false;
  /** Limits have changed since the call under way was sent. */
  #isStale: boolean = false;
  /** When quota heard last how many places of a limit are held here. */
  readonly #toldAtMs = new Map<LimitPool, number>();
  #placesValidMs = 10_000;

  constructor(parts: LimitParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#subjects.size === 0 && !this.#isCalling;
  }

  /** Throws `ai.rate_limited`. A promise only when quota has to be asked first. */
  admit(payer: Payer, demand: Demand): Passage | Promise<Passage> {
    const nowMs = this.#nowMs();
    const subject = this.#subjectOf(payer);
    subject.usedAtMs = nowMs;
    subject.typicalTokens = demand.tokens;
    if (subject.waiting.length === 0) {
      const admission = subject.limits.admit(demand, nowMs);
      if (admission.kind === "refused") throw refusalFault(admission, nowMs);
      if (admission.kind === "admitted") {
        if (subject.limits.wantsRenewal(demand, nowMs)) {
          subject.wantsRenewal = true;
          this.#pump();
        }
        return passageOf(subject, demand);
      }
    }
    return new Promise((resolve, reject) => {
      subject.waiting.push({ demand, calls: 0, resolve, reject });
      this.#pump();
    });
  }

  /**
   * What another replica has admitted goes on here. It occupies its places from now on, whether or
   * not any is free, and nobody waits for that; of rates it takes nothing, as it counts once.
   */
  goOn(payer: Payer): HeldPlaces {
    const subject = this.#subjectOf(payer);
    subject.usedAtMs = this.#nowMs();
    const places = new HeldPlaces();
    if (subject.limits.isKnown) places.take(subject.limits.pools);
    else subject.arriving.push(places);
    if (!subject.limits.isKnown || places.count > 0) {
      subject.wantsRenewal = true;
      this.#pump();
    }
    return places;
  }

  /** Limits have changed: ask anew before anything else is admitted. */
  forget(): void {
    this.#isStale = true;
    for (const { limits } of this.#subjects.values()) limits.forget();
  }

  /** Called some times a second: keeps places, and forgets who has gone. */
  tick(nowMs: number): void {
    const due = new Set<LimitPool>();
    let hasPlaces = false;
    for (const pool of this.#pools.values()) {
      if (pool.kind !== "concurrency" || pool.level === 0) continue;
      hasPlaces = true;
      const toldAtMs = this.#toldAtMs.get(pool) ?? Number.NEGATIVE_INFINITY;
      if (nowMs - toldAtMs > this.#placesValidMs / 3) due.add(pool);
    }
    for (const [name, subject] of this.#subjects) {
      const { limits, arriving, usedAtMs } = subject;
      // A call tells quota of the places of its own subject's limits.
      const isDue = limits.pools.some((pool) => due.has(pool));
      if (isDue || arriving.length > 0) subject.wantsRenewal = true;
      else if (nowMs - usedAtMs > forgottenAfterMs && !hasPlaces) this.#subjects.delete(name);
      if (isDue) for (const pool of limits.pools) due.delete(pool);
    }
    this.#pump();
  }

  #nowMs(): number {
    return this.#parts.world.clock.monotonicMs();
  }

  #subjectOf(payer: Payer): Subject {
    const name = `${payer.keyId}|${payer.userId}|${payer.projectId}|${payer.model}`;
    let subject = this.#subjects.get(name);
    if (subject === undefined) {
      subject = {
        limits: new SubjectLimits(),
        payer,
        waiting: [],
        arriving: [],
        wantsRenewal: false,
        isDegraded: false,
        usedAtMs: 0,
        typicalTokens: 0,
      };
      this.#subjects.set(name, subject);
    }
    return subject;
  }

  /** Makes the next call: for those who wait first, then for those who will. */
  #pump(): void {
    if (this.#isCalling) return;
    let next: Subject | undefined;
    for (const subject of this.#subjects.values()) {
      if (subject.waiting.length > 0) {
        next = subject;
        break;
      }
      if (subject.wantsRenewal) next ??= subject;
    }
    if (next !== undefined) void this.#call(next);
  }

  async #call(subject: Subject): Promise<void> {
    this.#isCalling = true;
    this.#isStale = false;
    subject.wantsRenewal = false;
    const sentAtMs = this.#nowMs();
    try {
      const reply = await this.#parts.callQuota(this.#callFor(subject, sentAtMs));
      this.#placesValidMs = reply.placesValidMs;
      subject.isDegraded = reply.isDegraded;
      subject.limits.granted(reply.grants, {
        nowMs: sentAtMs,
        validMs: reply.validMs,
        poolOf: (grant) => this.#poolOf(grant),
      });
      for (const pool of subject.limits.pools) this.#toldAtMs.set(pool, sentAtMs);
      this.#settleIn(subject);
      // What was refused by the old limits, for hours maybe, is no word about the new ones.
      if (this.#isStale) subject.limits.forget();
    } catch {
      // Limits may be missed by a share; nobody is turned away because of us.
      const { replicas } = this.#parts;
      subject.isDegraded = true;
      subject.limits.grantShare({ nowMs: this.#nowMs(), validMs: shareValidMs, replicas });
    }
    this.#isCalling = false;
    this.#serve(subject);
    this.#pump();
  }

  /** Now that its limits are known: quota hears of those places with the next call. */
  #settleIn(subject: Subject): void {
    for (const places of subject.arriving.splice(0)) {
      places.take(subject.limits.pools);
      if (places.count > 0) subject.wantsRenewal = true;
    }
  }

  #callFor(subject: Subject, nowMs: number): LimitCall {
    const demands =
      subject.waiting.length > 0
        ? subject.waiting.map(({ demand }) => demand)
        : [{ tokens: subject.typicalTokens }];
    const returned = new Map<string, number>();
    const held = new Map<string, number>();
    for (const pool of this.#pools.values()) {
      if (pool.kind === "concurrency") {
        const isOurs = subject.limits.pools.includes(pool);
        held.set(pool.id, pool.keepPlaces(isOurs ? subject.waiting.length : 0));
      } else {
        pool.expire(nowMs);
        const unspent = pool.takeUnspent();
        if (unspent > 0) returned.set(pool.id, unspent);
      }
    }
    return { payer: subject.payer, ...this.#wanted(subject, demands, nowMs), returned, held };
  }

  #wanted(
    { limits, waiting }: Subject,
    demands: readonly Demand[],
    nowMs: number,
  ): Pick<LimitCall, "requestsWanted" | "tokensWanted" | "placesWanted"> {
    const wanted = { requests: 0, tokens: 0, concurrency: 0 };
    if (!limits.isKnown) {
      const tokens = demands.reduce((sum, demand) => sum + demand.tokens, 0);
      return {
        requestsWanted: demands.length,
        tokensWanted: tokens,
        placesWanted: waiting.length,
      };
    }
    for (const pool of limits.pools) {
      const amount = pool.wantedFor(demands, nowMs);
      wanted[pool.kind] = Math.max(wanted[pool.kind], amount);
    }
    return {
      requestsWanted: Math.max(wanted.requests, 1),
      tokensWanted: wanted.tokens,
      placesWanted: wanted.concurrency,
    };
  }

  #poolOf({ limitId, kind }: LimitGrant): LimitPool {
    let pool = this.#pools.get(limitId);
    if (pool === undefined) {
      pool = new LimitPool(limitId, kind);
      this.#pools.set(limitId, pool);
    }
    return pool;
  }

  /** Lets those who wait through, in their order, as far as it goes. */
  #serve(subject: Subject): void {
    const nowMs = this.#nowMs();
    while (subject.waiting.length > 0) {
      const [next] = subject.waiting;
      if (next === undefined) return;
      const admission = subject.limits.admit(next.demand, nowMs);
      next.calls += 1;
      if (admission.kind === "unknown" && next.calls < callsMax) return;
      subject.waiting.shift();
      if (admission.kind === "admitted") next.resolve(passageOf(subject, next.demand));
      else if (admission.kind === "refused") next.reject(refusalFault(admission, nowMs));
      else next.reject(aiFaults.rate_limited({ retryAfterMs: 1_000 }));
    }
  }
}

function passageOf({ limits, isDegraded }: Subject, demand: Demand): Passage {
  return { admitted: limits.holding(demand), subject: limits, isDegraded };
}

/** A limit smaller than one request is told with an hour; more would say nothing. */
const retryAfterMsMax = 3_600_000;

function refusalFault(
  { by, retryAfterMs }: Extract<Admission, { readonly kind: "refused" }>,
  nowMs: number,
): Fault {
  const noun = by.kind === "concurrency" ? "requests at once" : by.kind;
  return aiFaults.rate_limited({
    publicMessage: `Rate limit reached: ${by.limit} ${noun}. Slow down and try again.`,
    retryAfterMs: Math.min(Math.max(retryAfterMs, 1), retryAfterMsMax),
    context: {
      limit_kind: by.kind,
      limit: by.limit,
      remaining: by.remainingAt(nowMs),
      reset_ms: by.resetMsAt(nowMs),
    },
  });
}
