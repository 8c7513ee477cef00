import { priorities, priorityDefault } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import { type Waiting, WaitingLine } from "../core/waiting-line.ts";

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

/**
 * Places at an upstream with a limit on requests at once, leased from the inference service and
 * handed out to the highest priority that waits, within it first come, first served. States of a
 * request: waiting → admitted → released, or gone.
 *
 * A full queue makes room for whoever matters more than somebody who waits, by refusing the newest
 * of the least important; and for anybody where its own line is served in vain (`WaitingLine`), by
 * refusing its oldest.
 */
export class Places {
  readonly #options: PlacesOptions;
  #inUse = 0;
  #granted = 0;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #isLeasing: boolean = false;
  /** By priority, the lowest first. */
  readonly #lines = priorities.map(() => new WaitingLine());
  #waiting = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** A request would have to wait now. */
  get isFull(): boolean {
    return this.#options.total > 0 && this.#inUse >= this.#granted;
  }

  /** Takes a place if one is free and nobody waits; the steady path. */
  tryEnter(): boolean {
    const isFree =
      this.#options.total === 0 ||
      (this.#waiting === 0 &&
        this.#inUse < this.#granted &&
        this.#options.world.clock.monotonicMs() < this.#validUntilMs);
    if (isFree) this.#inUse += 1;
    return isFree;
  }

  /** Those of a priority who wait are served in vain, in the order they came. */
  isHopeless(priority: number = priorityDefault): boolean {
    return this.#lines[priority]?.isHopeless(this.#nowMs()) ?? false;
  }

  /**
   * Calls `admit` when a place is taken for the caller, later or at once; undefined when too many
   * wait already. The function that is returned gives the wait up. `refuse` is called instead of
   * `admit` where others are given the room.
   */
  enter(
    admit: () => void,
    refuse: () => void,
    priority: number = priorityDefault,
  ): (() => void) | undefined {
    const line = this.#lines[priority];
    if (line === undefined) return undefined;
    if (this.#waiting >= this.#options.queueMax) {
      const other = this.#whoMakesRoom(line, priority);
      if (other === undefined) return undefined;
      this.#waiting -= 1;
      other.refuse();
    }
    const waiting: Waiting = { sinceMs: this.#nowMs(), admit, refuse };
    line.join(waiting);
    this.#waiting += 1;
    this.#serve();
    return () => {
      const before = line.length;
      line.giveUp(waiting, this.#nowMs());
      this.#waiting -= before - line.length;
    };
  }

  #whoMakesRoom(line: WaitingLine, priority: number): Waiting | undefined {
    const lesser = this.#lines.slice(0, priority).find(({ length }) => length > 0);
    if (lesser !== undefined) return lesser.takeNewest();
    return line.isHopeless(this.#nowMs()) ? line.takeOldest() : undefined;
  }

  #nowMs(): number {
    return this.#options.world.clock.monotonicMs();
  }

  /** An admitted request is over. */
  leave(): void {
    this.#inUse -= 1;
    this.#serve();
  }

  /** Called some times a second: keeps the lease alive while it is used. */
  tick(): void {
    if (this.#inUse > 0 || this.#waiting > 0) this.#serve();
  }

  #serve(): void {
    if (this.#options.total === 0) return;
    const nowMs = this.#nowMs();
    while (this.#waiting > 0 && this.#inUse < this.#granted && nowMs < this.#validUntilMs) {
      const line = this.#lines.findLast(({ length }) => length > 0);
      const next = line?.takeNext(nowMs);
      this.#waiting -= 1;
      this.#inUse += 1;
      next?.admit();
    }
    const isStarved = this.#waiting > 0 || this.#inUse > this.#granted;
    const isOld = nowMs >= this.#validUntilMs - leaseMarginMs;
    if ((isStarved || isOld) && this.#inUse + this.#waiting > 0) this.#renew(nowMs);
  }

  #renew(nowMs: number): void {
    const isFresh = nowMs < this.#renewedAtMs + renewalPauseMs;
    if (this.#isLeasing || isFresh) return;
    this.#isLeasing = true;
    this.#renewedAtMs = nowMs;
    const { lease, total, replicas, world } = this.#options;
    lease(this.#inUse + this.#waiting, this.#inUse)
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
