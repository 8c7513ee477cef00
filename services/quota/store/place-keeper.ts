import { storeFaults } from "@tandem/libs/store";
import { type HotStore, hotKey } from "@tandem/libs/store/hot";
import { newId, sleep, type World } from "@tandem/libs/world";
import { decidePlaces, type PlaceDecision } from "../core/place-share.ts";
import { Turns } from "./turns.ts";

/** Long enough for the few operations under the lock; a keeper that died delays others so long. */
const lockMs = 500;
const lockAttempts = 20;
const lockPauseMs = 8;

export interface PlaceRequest {
  readonly organisationId: string;
  readonly limitId: string;
  readonly amount: number;
  readonly holder: string;
  /** By the holder's own count; undefined to go by ours. */
  readonly held: number | undefined;
  readonly wanted: number;
}

/**
 * Counts who holds how many places of a limit, in the hot store. A holder's count lives as long as
 * it is told again, by the store's own clock; a short lock makes counting and taking one step.
 */
export class PlaceKeeper {
  readonly #store: HotStore;
  readonly #world: World;
  readonly #validMs: number;
  readonly #turns = new Turns();

  constructor(
    store: HotStore,
    { world, validMs }: { readonly world: World; readonly validMs: number },
  ) {
    this.#store = store;
    this.#world = world;
    this.#validMs = validMs;
  }

  /** Takes what is free, up to what is wanted. Fails as the hot store fails. */
  take(request: PlaceRequest): Promise<PlaceDecision> {
    return this.#turns.take(request.limitId, () => this.#locked(request));
  }

  /** How many places of a limit are held, by all that were heard of lately; takes none. */
  async look({
    organisationId,
    limitId,
  }: Pick<PlaceRequest, "organisationId" | "limitId">): Promise<number> {
    const holders = parseNames(
      await this.#store.get(hotKey(organisationId, "places", limitId, "holders")),
    );
    let held = 0;
    for (const name of holders) {
      const key = hotKey(organisationId, "places", limitId, "of", name);
      held += Number((await this.#store.get(key))?.toString() ?? 0);
    }
    return held;
  }

  async #locked(request: PlaceRequest): Promise<PlaceDecision> {
    const lock = hotKey(request.organisationId, "places", request.limitId, "lock");
    const token = newId(this.#world, "evt");
    for (let attempt = 1; ; attempt += 1) {
      if (await this.#store.setIfAbsent(lock, token, { ttlMs: lockMs })) break;
      if (attempt === lockAttempts) throw storeFaults.overloaded({ detail: `lock of ${lock}` });
      await sleep(this.#world, lockPauseMs * (0.5 + this.#world.randomness.fraction()));
    }
    try {
      return await this.#count(request);
    } finally {
      await this.#store.deleteIfEqual(lock, token);
    }
  }

  async #count(request: PlaceRequest): Promise<PlaceDecision> {
    const { organisationId, limitId, holder, amount, wanted } = request;
    const keyOf = (name: string): string => hotKey(organisationId, "places", limitId, "of", name);
    const list = hotKey(organisationId, "places", limitId, "holders");
    const known = parseNames(await this.#store.get(list));
    const present: string[] = [];
    let others = 0;
    for (const name of known) {
      if (name === holder) continue;
      const places = Number((await this.#store.get(keyOf(name)))?.toString() ?? 0);
      if (places === 0) continue;
      others += places;
      present.push(name);
    }
    const stored = Number((await this.#store.get(keyOf(holder)))?.toString() ?? 0);
    const own = request.held ?? stored;
    const decision = decidePlaces({ amount, others, own, wanted });
    const life = { ttlMs: this.#validMs };
    if (decision.places === 0) await this.#store.delete(keyOf(holder));
    else {
      await this.#store.set(keyOf(holder), String(decision.places), life);
      present.push(holder);
    }
    await this.#store.set(list, JSON.stringify(present), life);
    return decision;
  }
}

function parseNames(stored: Buffer | undefined): readonly string[] {
  return stored === undefined ? [] : (JSON.parse(stored.toString()) as string[]);
}
