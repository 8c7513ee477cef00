import type { Log } from "../../telemetry/index.ts";
import { definePort, portOf, type World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import type { HotStore } from "./hot-store.ts";
import { MemoryHotStore } from "./memory-hot-store.ts";

export interface HotStoreOptions {
  readonly world: World;
  readonly log: Log;
  /** How long one operation may take with Redis, in milliseconds; 250 by default. */
  readonly commandTimeoutMs?: number;
}

/** Of a world that has a hot store of its own, whatever the URL says. */
export const hotStorePort = definePort<(options: HotStoreOptions) => HotStore>("hot store");

/** A process loads the one of the store it has. */
const drivers = {
  lmdb: () => import("./lmdb-hot-store.ts"),
  redis: () => import("./redis-hot-store.ts"),
};

/** Loads all that `openHotStore` may need, for who wants it compiled before it is needed. */
export async function loadHotStores(): Promise<void> {
  await Promise.all([drivers.lmdb(), drivers.redis()]);
}

/**
 * Opens a hot store by URL: `memory:` (this caller's alone), `lmdb:/directory` (shared by the
 * processes of one machine), `redis://…`, `rediss://…` or `redis+unix:///socket` (shared by
 * machines). Throws `store.misconfigured` for anything else. A Redis that is away does not hinder
 * opening: operations fail until it is there.
 */
export async function openHotStore(url: string, options: HotStoreOptions): Promise<HotStore> {
  const own = portOf(options.world, hotStorePort);
  if (own !== undefined) return own(options);
  if (url.startsWith("memory:")) return new MemoryHotStore(options);
  if (url.startsWith("lmdb:")) {
    const { LmdbHotStore } = await drivers.lmdb();
    return new LmdbHotStore(url.slice("lmdb:".length), options);
  }
  if (/^(rediss?|redis\+unix):\/\//.test(url)) {
    const { RedisHotStore } = await drivers.redis();
    const store = new RedisHotStore(url, { commandTimeoutMs: 250, ...options });
    await store.open();
    return store;
  }
  throw storeFaults.misconfigured({
    detail: "a hot store is memory:, lmdb:/directory or redis://",
  });
}
