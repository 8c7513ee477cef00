import type { World } from "@tandem/libs/world";

/** What the inference service grants: places that may be used until the lease ends. */
export interface PlaceGrant {
  readonly granted: number;
  readonly validMs: number;
}

export interface PlacesOptions {
  readonly world: World;
  /** Places at the upstream altogether; 0: no limit, and nobody is asked. */
  readonly total: number;
  /** Asks for places; a rejection means that nobody could be asked. */
  readonly lease: (wanted: number, inUse: number) => Promise<PlaceGrant>;
  /** Gateway replicas as of now that share the upstream: their share counts while nobody can be asked. */
  readonly replicas: number;
  /** Requests that may wait for a place. */
  readonly queueMax: number;
}

interface Waiting {
  readonly sinceMs: number;
  readonly admit: () => void;
  readonly refuse: () => void;
}

/** Of those who gave up, half are forgotten in this time. */
const halfLifeMs = 5_000;
/** So many have to give up before it means anything. */
const gaveUpMin = 3;
/** Whoever has waited this part of what others had patience for is unlikely to stay to the end. */
const hopelessShare = 0.5;

/**
 * Places at an upstream with a limit on requests at once, leased from the inference service and
 * handed out first come, first served. States of a request: waiting → admitted → released, or gone.
 *
 * Where people give up, and the oldest has waited half as long as they did, first come is served
 * in vain: whoever gets a place leaves before its answer. Then the newest goes first, and a full
 * queue makes room by refusing its oldest, until the queue is one that can be served again.
 */
export class Places {
  readonly #options: PlacesOptions;
  #inUse = 0;
  #granted = 0;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #isLeasing: boolean = false;
  #queue: Waiting[] = [];
  /** Who gave up lately, and how long they had waited together; both fade. */
  #gaveUp = 0;
  #gaveUpMs = 0;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** A request would have to wait now. */
  get isFull(): boolean {
    return this.#options.total > 0 && this.#inUse >= this.#granted;
  }

  /** Takes a place if one is free and nobody waits; the steady path. */
  tryEnter(): boolean {
    const isFree =
      this.#options.total === 0 ||
      (this.#queue.length === 0 &&
        this.#inUse < this.#granted &&
        this.#options.world.clock.monotonicMs() < this.#validUntilMs);
    if (isFree) this.#inUse += 1;
    return isFree;
  }

  /** Those who wait are served in vain, in the order they came: the newest goes first. */
  get isHopeless(): boolean {
    const [oldest] = this.#queue;
    if (oldest === undefined || this.#gaveUp === 0) return false;
    const nowMs = this.#fade();
    const patienceMs = this.#gaveUpMs / this.#gaveUp;
    return this.#gaveUp >= gaveUpMin && nowMs - oldest.sinceMs > patienceMs * hopelessShare;
  }

  /**
   * Calls `admit` when a place is taken for the caller, later or at once; undefined when too many
   * wait already. The function that is returned gives the wait up. `refuse` is called instead of
   * `admit` where others are given the room.
   */
  enter(admit: () => void, refuse: () => void): (() => void) | undefined {
    if (this.#queue.length >= this.#options.queueMax) {
      if (!this.isHopeless) return undefined;
      this.#queue.shift()?.refuse();
    }
    const waiting: Waiting = { sinceMs: this.#options.world.clock.monotonicMs(), admit, refuse };
    this.#queue.push(waiting);
    this.#serve();
    return () => {
      if (!this.#queue.includes(waiting)) return;
      this.#queue = this.#queue.filter((other) => other !== waiting);
      const nowMs = this.#fade();
      this.#gaveUp += 1;
      this.#gaveUpMs += nowMs - waiting.sinceMs;
    };
  }

  #fade(): number {
    const nowMs = this.#options.world.clock.monotonicMs();
    const share = 0.5 ** ((nowMs - this.#countedAtMs) / halfLifeMs);
    this.#countedAtMs = nowMs;
    this.#gaveUp *= share;
    this.#gaveUpMs *= share;
    return nowMs;
  }

  /** An admitted request is over. */
  leave(): void {
    this.#inUse -= 1;
    this.#serve();
  }

  /** Called some times a second: keeps the lease alive while it is used. */
  tick(): void {
    if (this.#inUse > 0 || this.#queue.length > 0) this.#serve();
  }

  #serve(): void {
    if (this.#options.total === 0) return;
    const nowMs = this.#options.world.clock.monotonicMs();
    while (this.#queue.length > 0 && this.#inUse < this.#granted && nowMs < this.#validUntilMs) {
      const next = this.isHopeless ? this.#queue.pop() : this.#queue.shift();
      this.#inUse += 1;
      next?.admit();
    }
    const isStarved = this.#queue.length > 0 || this.#inUse > this.#granted;
    const isOld = nowMs >= this.#validUntilMs - leaseMarginMs;
    if ((isStarved || isOld) && this.#inUse + this.#queue.length > 0) this.#renew(nowMs);
  }

  #renew(nowMs: number): void {
    const isFresh = nowMs < this.#renewedAtMs + renewalPauseMs;
    if (this.#isLeasing || isFresh) return;
    this.#isLeasing = true;
    this.#renewedAtMs = nowMs;
    const { lease, total, replicas, world } = this.#options;
    lease(this.#inUse + this.#queue.length, this.#inUse)
      .catch(() => ({ granted: Math.max(1, Math.floor(total / replicas)), validMs: 1_000 }))
      .then((grant) => {
        this.#isLeasing = false;
        this.#granted = grant.granted;
        this.#validUntilMs = world.clock.monotonicMs() + grant.validMs;
        this.#serve();
      })
      .catch(() => undefined);
  }

  #renewedAtMs = Number.NEGATIVE_INFINITY;
}

/** A lease is renewed this long before its end. */
const leaseMarginMs = 1_000;
/** While all is taken, the service is asked this often at most. */
const renewalPauseMs = 50;
