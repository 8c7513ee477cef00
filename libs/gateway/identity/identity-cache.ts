import { Fault } from "../../kernel/index.ts";
import type { Clock } from "../../world/index.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { identityFaults } from "./identity-faults.ts";

/** A verified credential in the cache. `extra` is whatever its gateway keeps with it. */
export interface Known<Extra> {
  readonly identity: CallerIdentity;
  readonly extra: Extra;
  /** Set at each use; an entry that was used survives one round of eviction. */
  wasUsed: boolean;
}

/** What the authority says of a credential. */
export interface LookUpAnswer {
  readonly identity: CallerIdentity | undefined;
  /** Empty when it is good. */
  readonly refusal: string;
  /** The last revocation this answer takes account of. */
  readonly sequence: bigint;
}

/** What the revocation feed says. */
export interface RevocationNews {
  readonly sequence: bigint;
  readonly revocations: readonly {
    readonly sequence: bigint;
    readonly keyId: string;
    readonly sessionId: string;
  }[];
  /** Too much has happened: everything is to be looked up again. */
  readonly reset: boolean;
  /** Nobody can revoke anything at the moment: true, and not fresh. */
  readonly degraded?: boolean;
}

export interface IdentityCacheOptions<Extra> {
  readonly clock: Clock;
  /** Entries kept. */
  readonly capacity: number;
  /** Asks the authority. A rejection means that it could not be asked, never that it refused. */
  readonly lookUp: (credential: string) => Promise<LookUpAnswer>;
  readonly createExtra: (identity: CallerIdentity) => Extra;
  /** For how long known credentials are accepted while the feed is silent. */
  readonly outageMsMax: number;
  /** The same while it is certain that nobody is there who could revoke one. */
  readonly goneMsMax: number;
  /** How long a refused credential is refused again without asking. */
  readonly refusalKeptMs: number;
  /** Look-ups under way; one more is told to come back. */
  readonly lookUpsMax: number;
}

/** After this much silence of the feed an identity counts as degraded; three missed polls. */
const quietMs = 3_500;
/** With more between two signs the authority may have come, revoked and gone unheard. */
const unbrokenMs = 10_000;
const recentMax = 4_096;
const refusalsMax = 10_000;
const staleAnswersMax = 3;
const evictionLooksMax = 64;

/**
 * Verified credentials, so that a request asks nobody who its caller is. Bounded;
 * entries that were used since the last round survive an eviction (second chance). It guarantees:
 * - A revocation that was heard is honoured from then on, also against a look-up that was under
 * way.
 * - While the feed is silent, known credentials pass for `outageMsMax`, marked; then nobody does.
 * While it is silent because no replica of the authority runs, none of which a revocation could
 * come from, they pass for `goneMsMax`.
 * - While it speaks without a database behind it they pass, marked, for as long as it does.
 * - A credential is looked up once at a time, however many requests wait for it.
 */
export class IdentityCache<Extra> {
  readonly #options: IdentityCacheOptions<Extra>;
  readonly #known = new Map<string, Known<Extra>>();
  /** Credentials by key id and session id: what a revocation has to find. */
  readonly #byHolder = new Map<string, Set<string>>();
  readonly #lookUps = new Map<string, Promise<Known<Extra>>>();
  readonly #refusals = new Map<string, { readonly untilMs: number; readonly fault: Fault }>();
  /** Sequence of the last revocation by key id or session id. */
  readonly #recent = new Map<string, bigint>();
  /** Answers older than this may have missed a revocation that is no longer in `#recent`. */
  #floor = 0n;
  #sequence = 0n;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  /** Up to here every revocation there was has been heard. */
  #certainAtMs = Number.NEGATIVE_INFINITY;
  /** When the feed last spoke with the authority's database behind it. */
  #freshAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: IdentityCacheOptions<Extra>) {
    this.#options = options;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Where the feed stands: what to ask for the news after. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** True once the feed has spoken. */
  get hasHeard(): boolean {
    return this.#heardAtMs !== Number.NEGATIVE_INFINITY;
  }

  /** The entry, if there is one. Whether it may still be used, `admit` says. */
  find(credential: string): Known<Extra> | undefined {
    const known = this.#known.get(credential);
    if (known !== undefined) known.wasUsed = true;
    return known;
  }

  /**
   * True when a known caller passes on the feed's last fresh word: mark the answer.
   * Throws `identity.expired`, or `identity.unavailable` after too long a silence.
   */
  admit({ identity }: Known<Extra>): boolean {
    const { clock, outageMsMax, goneMsMax } = this.#options;
    if (identity.expiresAtMs !== 0 && clock.nowMs() >= identity.expiresAtMs) {
      throw identityFaults.expired();
    }
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#freshAtMs <= quietMs) return false;
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs <= quietMs + outageMsMax) return true;
    const uncertainMs = nowMs - this.#certainAtMs;
    if (silentMs <= quietMs + goneMsMax && uncertainMs <= quietMs + outageMsMax) return true;
    throw identityFaults.unavailable({
      detail: `revocations not heard for ${Math.round(silentMs)} ms`,
      retryAfterMs: 2_000,
    });
  }

  /** The entry of a credential, from the authority if need be. Throws the identity faults. */
  async resolve(credential: string): Promise<Known<Extra>> {
    const known = this.find(credential);
    if (known !== undefined) return known;
    const nowMs = this.#options.clock.monotonicMs();
    const refused = this.#refusals.get(credential);
    if (refused !== undefined && refused.untilMs > nowMs) throw refused.fault;
    return this.renew(credential);
  }

  /**
   * Asks the authority anew. What it says takes the place of what is known; while it cannot be
   * asked, what is known stays. Throws the identity faults.
   */
  async renew(credential: string): Promise<Known<Extra>> {
    const underWay = this.#lookUps.get(credential);
    if (underWay !== undefined) return underWay;
    if (this.#lookUps.size >= this.#options.lookUpsMax) {
      throw identityFaults.unavailable({ detail: "too many look-ups", retryAfterMs: 1_000 });
    }
    const lookUp = this.#lookUp(credential).finally(() => this.#lookUps.delete(credential));
    this.#lookUps.set(credential, lookUp);
    return lookUp;
  }

  #forget(credential: string): void {
    const known = this.#known.get(credential);
    if (known === undefined) return;
    this.#known.delete(credential);
    this.#forgetHolders(credential, known.identity);
  }

  /** Takes the feed's word. Called with no revocations as well, as a sign of life. */
  hear(news: RevocationNews): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
    this.#certainAtMs = this.#heardAtMs;
    if (news.degraded !== true) this.#freshAtMs = this.#heardAtMs;
    // A sequence that runs backwards is another history, such as a restored database.
    if (news.reset || news.sequence < this.#sequence) {
      this.#known.clear();
      this.#byHolder.clear();
      this.#refusals.clear();
      this.#recent.clear();
      this.#floor = news.sequence;
    }
    for (const { sequence, keyId, sessionId } of news.revocations) {
      for (const holder of [keyId, sessionId]) if (holder !== "") this.#revoke(holder, sequence);
    }
    this.#sequence = news.sequence;
  }

  /**
   * No replica of the authority runs: since it was last heard, or known to be gone, nobody can have
   * revoked anything. After a longer uncertainty that does not follow, and changes nothing.
   */
  hearNobody(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#certainAtMs <= unbrokenMs) this.#certainAtMs = nowMs;
  }

  #revoke(holder: string, sequence: bigint): void {
    for (const credential of this.#byHolder.get(holder) ?? []) this.#known.delete(credential);
    this.#byHolder.delete(holder);
    this.#recent.delete(holder);
    this.#recent.set(holder, sequence);
    if (this.#recent.size <= recentMax) return;
    for (const [oldest, lost] of this.#recent) {
      this.#recent.delete(oldest);
      if (lost > this.#floor) this.#floor = lost;
      return;
    }
  }

  async #lookUp(credential: string): Promise<Known<Extra>> {
    for (let attempt = 0; attempt < staleAnswersMax; attempt += 1) {
      const answer = await this.#ask(credential);
      if (answer.identity === undefined || answer.refusal !== "") {
        throw this.#refuse(credential, answer.refusal);
      }
      if (!this.#isOutdated(answer.identity, answer.sequence)) {
        return this.#keep(credential, answer.identity);
      }
    }
    throw identityFaults.unavailable({
      detail: "the authority answers from before a revocation",
      retryAfterMs: 1_000,
    });
  }

  async #ask(credential: string): Promise<LookUpAnswer> {
    try {
      return await this.#options.lookUp(credential);
    } catch (cause) {
      const fault = Fault.is(cause) ? cause : undefined;
      throw identityFaults.unavailable({
        detail: fault?.message ?? String(cause),
        retryAfterMs: fault?.retryAfterMs ?? 1_000,
        cause,
      });
    }
  }

  #isOutdated({ claims }: CallerIdentity, sequence: bigint): boolean {
    if (sequence < this.#floor) return true;
    const ofKey = this.#recent.get(claims.keyId) ?? 0n;
    const ofSession = this.#recent.get(claims.sessionId) ?? 0n;
    return ofKey > sequence || ofSession > sequence;
  }

  #refuse(credential: string, refusal: string): Fault {
    const { clock, refusalKeptMs } = this.#options;
    const fault = refusal === "expired" ? identityFaults.expired() : identityFaults.invalid();
    this.#forget(credential);
    if (this.#refusals.size >= refusalsMax) this.#refusals.clear();
    this.#refusals.set(credential, { untilMs: clock.monotonicMs() + refusalKeptMs, fault });
    return fault;
  }

  #keep(credential: string, identity: CallerIdentity): Known<Extra> {
    this.#forget(credential);
    if (this.#known.size >= this.#options.capacity) this.#evict();
    const known: Known<Extra> = {
      identity,
      extra: this.#options.createExtra(identity),
      wasUsed: true,
    };
    this.#known.set(credential, known);
    for (const holder of holdersOf(identity)) {
      const credentials = this.#byHolder.get(holder);
      if (credentials === undefined) this.#byHolder.set(holder, new Set([credential]));
      else credentials.add(credential);
    }
    return known;
  }

  /** Drops the oldest entry that was not used since it last came up; looks at some only. */
  #evict(): void {
    let looks = 0;
    for (const [credential, known] of this.#known) {
      this.#known.delete(credential);
      looks += 1;
      if (known.wasUsed && looks < evictionLooksMax) {
        known.wasUsed = false;
        this.#known.set(credential, known);
        continue;
      }
      this.#forgetHolders(credential, known.identity);
      return;
    }
  }

  #forgetHolders(credential: string, identity: CallerIdentity): void {
    for (const holder of holdersOf(identity)) {
      const credentials = this.#byHolder.get(holder);
      credentials?.delete(credential);
      if (credentials?.size === 0) this.#byHolder.delete(holder);
    }
  }
}

function holdersOf({ claims }: CallerIdentity): readonly string[] {
  return [claims.keyId, claims.sessionId].filter((holder) => holder !== "");
}
