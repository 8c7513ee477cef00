/**
 * Grants tokens of rate limits and places of concurrency limits. They are counted in the hot store,
 * which all replicas share; while that is away each replica counts its own share by itself and says
 * so. Rate limits may be exceeded by what is leased and not yet used, never by more; money has
 * nothing to do with any of this.
 */
import { Fault } from "@tandem/libs/kernel";
import type { HotStore } from "@tandem/libs/store/hot";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { type Limit, type LimitInForce, limitAt, limitsOf, stockOf } from "./core/limit.ts";
import type { Subject } from "./core/subject.ts";
import { PlaceKeeper } from "./store/place-keeper.ts";
import { RateCounter, type RateDecision, type RateFigures } from "./store/rate-counter.ts";

export interface LimitRequest {
  readonly holder: string;
  readonly subject: Subject;
  readonly requestsWanted: number;
  readonly tokensWanted: number;
  readonly placesWanted: number;
  /** Requests and tokens given back, by limit id. */
  readonly returned: ReadonlyMap<string, number>;
  /** Places by the holder's own count, by limit id. */
  readonly held: ReadonlyMap<string, number>;
}

export interface LimitGrant extends RateFigures {
  readonly limit: LimitInForce;
}

export interface LimitAnswer {
  /** One for each limit that applies, all granting something or none. */
  readonly grants: readonly LimitGrant[];
  readonly isDegraded: boolean;
}

/** How full a limit is. */
export interface LimitLoad {
  readonly limit: LimitInForce;
  readonly used: number;
  /** When it is whole again if nothing more is asked for. */
  readonly resetMs: number;
}

export interface LimitLoads {
  readonly loads: readonly LimitLoad[];
  readonly isDegraded: boolean;
}

interface Counters {
  readonly rates: RateCounter;
  readonly places: PlaceKeeper;
  readonly share: () => number;
}

/** When a place becomes free depends on requests that run: ask again soon. */
const placeRetryMs = 250;

export class LimitDesk {
  readonly #shared: Counters;
  readonly #own: Counters;
  readonly #findLimits: (organisationId: string) => Promise<readonly Limit[]>;
  readonly #log: Log;
  readonly #world: World;

  constructor(options: {
    readonly world: World;
    readonly log: Log;
    readonly hotStore: HotStore;
    /** Memory of this process, for when the hot store is away. */
    readonly ownStore: HotStore;
    /** Replicas of this service as of now, which share the limits while they cannot see each other. */
    readonly replicas: number;
    readonly placesValidMs: number;
    readonly findLimits: (organisationId: string) => Promise<readonly Limit[]>;
  }) {
    const life = { world: options.world, validMs: options.placesValidMs };
    const countersOn = (store: HotStore, share: () => number): Counters => ({
      rates: new RateCounter(store, share),
      places: new PlaceKeeper(store, life),
      share,
    });
    this.#shared = countersOn(options.hotStore, () => 1);
    this.#own = countersOn(options.ownStore, () => 1 / Math.max(1, options.replicas));
    this.#findLimits = options.findLimits;
    this.#log = options.log;
    this.#world = options.world;
  }

  /** Grants of every limit that applies. No grants at all means that there are no limits. */
  async lease(request: LimitRequest): Promise<LimitAnswer> {
    const limits = await this.#findLimits(request.subject.organisationId);
    if (limits.length === 0) return { grants: [], isDegraded: false };
    const nowMs = this.#world.clock.nowMs();
    const all = limits.map((limit) => limitAt(limit, nowMs));
    try {
      const grants = await grantFrom(this.#shared, request, all);
      await this.#note(request, grants, all);
      return { grants, isDegraded: false };
    } catch (error) {
      if (!Fault.is(error) || !error.reason.startsWith("store.")) throw error;
      this.#log.warn("limits_counted_locally", { reason: error.reason, detail: error.detail });
      return { grants: await grantFrom(this.#own, request, all), isDegraded: true };
    }
  }

  /** How much of each limit is used now: what gateways have leased and not used yet counts. */
  async look(limits: readonly Limit[]): Promise<LimitLoads> {
    const nowMs = this.#world.clock.nowMs();
    const inForce = limits.map((limit) => limitAt(limit, nowMs));
    try {
      return { loads: await lookAt(this.#shared, inForce), isDegraded: false };
    } catch (error) {
      if (!Fault.is(error) || !error.reason.startsWith("store.")) throw error;
      return { loads: await lookAt(this.#own, inForce), isDegraded: true };
    }
  }

  /** Keeps our own counters warm, so that losing the hot store does not hand out windows anew. */
  async #note(
    request: LimitRequest,
    grants: readonly LimitGrant[],
    all: readonly LimitInForce[],
  ): Promise<void> {
    await giveBack(this.#own, request, all);
    const rates = grants.filter(({ limit }) => limit.kind !== "concurrency");
    await this.#own.rates.note(rates.map(({ limit, granted }) => ({ limit, cost: granted })));
  }
}

/** `all` are the limits of the organisation: what is returned may be of another caller's. */
async function grantFrom(
  counters: Counters,
  request: LimitRequest,
  all: readonly LimitInForce[],
): Promise<readonly LimitGrant[]> {
  await giveBack(counters, request, all);
  const limits = limitsOf(all, request.subject);
  const rates = limits.filter(({ kind }) => kind !== "concurrency");
  const places = limits.filter(({ kind }) => kind === "concurrency");
  const taken = await takePlaces(counters, request, places);
  const isFull = taken.grants.some(({ retryAfterMs }) => retryAfterMs > 0);
  const decision = await takeRates(counters, rates, isFull ? nothing : request);
  if (isFull || !decision.isAllowed) await taken.undo();
  const rateGrants = rates.map((limit, index) => ({ limit, ...figuresAt(decision, index) }));
  const isGranted = decision.isAllowed && !isFull;
  const placeGrants = taken.grants.map((grant) => (isGranted ? grant : { ...grant, granted: 0 }));
  return [...placeGrants, ...rateGrants];
}

type Wanted = Pick<LimitRequest, "requestsWanted" | "tokensWanted">;
const nothing: Wanted = { requestsWanted: 0, tokensWanted: 0 };

function figuresAt({ figures }: RateDecision, index: number): RateFigures {
  // A limit that was not asked any more, since one before it refused.
  return figures[index] ?? { granted: 0, remaining: 0, resetMs: 0, retryAfterMs: 0 };
}

async function giveBack(
  { rates }: Counters,
  { returned }: LimitRequest,
  all: readonly LimitInForce[],
): Promise<void> {
  const demands = all.flatMap((limit) => {
    const cost = Math.min(returned.get(limit.id) ?? 0, limit.amount);
    return cost > 0 && limit.kind !== "concurrency" ? [{ limit, cost }] : [];
  });
  await rates.giveBack(demands);
}

/** The places that were taken, and how to leave them again if something else refuses. */
async function takePlaces(
  { places, share }: Counters,
  { holder, held, placesWanted }: LimitRequest,
  limits: readonly LimitInForce[],
): Promise<{ readonly grants: readonly LimitGrant[]; readonly undo: () => Promise<void> }> {
  const grants: LimitGrant[] = [];
  const undos: (() => Promise<void>)[] = [];
  for (const limit of limits) {
    const request = {
      organisationId: limit.subject.organisationId,
      limitId: limit.id,
      amount: Math.ceil(limit.amount * share()),
      holder,
    };
    const own = held.get(limit.id);
    const decision = await places.take({ ...request, held: own, wanted: placesWanted });
    const { granted, remaining } = decision;
    const retryAfterMs = placesWanted > 0 && granted === 0 ? placeRetryMs : 0;
    grants.push({ limit, granted, remaining, resetMs: 0, retryAfterMs });
    const before = decision.places - granted;
    undos.push(async () => {
      if (granted > 0) await places.take({ ...request, held: before, wanted: 0 });
    });
  }
  return {
    grants,
    undo: async () => {
      for (const undo of undos) await undo();
    },
  };
}

/** First with a stock for later, then what is wanted, then what there is; else nothing. */
async function takeRates(
  { rates }: Counters,
  limits: readonly LimitInForce[],
  wanted: Wanted,
): Promise<RateDecision> {
  if (limits.length === 0) return { isAllowed: true, figures: [] };
  const exact = limits.map((limit) => ({
    limit,
    cost: limit.kind === "requests" ? wanted.requestsWanted : wanted.tokensWanted,
  }));
  const stocked = exact.map(({ limit, cost }) => ({ limit, cost: stockOf(limit, cost) }));
  const first = await rates.take(stocked);
  if (first.isAllowed) return first;
  const second = await rates.take(exact);
  if (second.isAllowed) return second;
  const partial = exact.map(({ limit, cost }, index) => ({
    limit,
    cost: Math.min(cost, figuresAt(second, index).remaining),
  }));
  const isUseful = partial.every(({ cost }, index) => cost > 0 || exact[index]?.cost === 0);
  if (!isUseful) return second;
  const third = await rates.take(partial);
  return third.isAllowed ? third : second;
}

/** Of one organisation, or of several. */
async function lookAt(
  { rates, places, share }: Counters,
  limits: readonly LimitInForce[],
): Promise<readonly LimitLoad[]> {
  const loads: LimitLoad[] = [];
  for (const [organisationId, own] of Map.groupBy(limits, (one) => one.subject.organisationId)) {
    const counted = own.filter(({ kind }) => kind !== "concurrency");
    const figures = await rates.look(counted);
    for (const [index, limit] of counted.entries()) {
      const { remaining = 0, resetMs = 0 } = figures[index] ?? {};
      const size = Math.ceil(limit.amount * share());
      loads.push({ limit, used: Math.max(0, size - remaining), resetMs });
    }
    for (const limit of own) {
      if (limit.kind !== "concurrency") continue;
      const used = await places.look({ organisationId, limitId: limit.id });
      loads.push({ limit, used, resetMs: 0 });
    }
  }
  return loads;
}
