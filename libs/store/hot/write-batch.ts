import type { HotEntry, TimeToLive } from "./hot-store.ts";
import { tenantOf } from "./read-batch.ts";

/** Writes entries of one tenant and one life at once. */
export type WriteMany = (entries: readonly HotEntry[], life: TimeToLive) => Promise<void>;

interface Group {
  readonly life: TimeToLive;
  readonly entries: HotEntry[];
  readonly written: Promise<void>;
}

/** More in one command would keep the server from others. */
const entriesMax = 64;

/**
 * Sends the writes of one turn of the event loop together, as `ReadBatch` does with reads: streams
 * that are kept write with each of their chunks. Writes stay in their order; all of a command share
 * its end.
 */
export class WriteBatch {
  readonly #writeMany: WriteMany;
  #groups = new Map<string, Group>();

  constructor(writeMany: WriteMany) {
    this.#writeMany = writeMany;
  }

  set(entry: HotEntry, life: TimeToLive): Promise<void> {
    const name = `${life.ttlMs} ${tenantOf(entry.key)}`;
    const open = this.#groups.get(name);
    const group =
      open === undefined || open.entries.length === entriesMax ? this.#begin(life) : open;
    if (group !== open) this.#groups.set(name, group);
    group.entries.push(entry);
    return group.written;
  }

  #begin(life: TimeToLive): Group {
    const entries: HotEntry[] = [];
    const written = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#groups.clear();
        this.#writeMany(entries, life).then(resolve, reject);
      });
    });
    return { life, entries, written };
  }
}
