import { Fault } from "../../kernel/index.ts";
import type { Log } from "../../telemetry/index.ts";
import { storeFaults } from "../faults.ts";
import type { LmdbFile } from "./lmdb-file.ts";

/** Values that `set` wrote give way when space is short; counts, limits and locks do not. */
type EntryClass = 0 | 1;
const classes: readonly EntryClass[] = [0, 1];

/** Class (1 byte) and time of expiry (8) in front of each value. */
const headerBytes = 9;
/** Times of expiry are indexed in steps of so many milliseconds, so that most writes leave it. */
const dueStepMs = 1024;
/** Entries removed in one transaction, at most: others wait for its end. */
const batchMax = 256;
/** How much is freed when the bound is reached. */
const evictShare = 0.1;
/** The size is looked at after so many bytes were written. */
const checkBytes = 1024 * 1024;

export interface Entry {
  readonly value: Buffer;
  readonly expiresAtMs: number;
}

/**
 * Entries with a time to live over lmdb, which knows none. Every entry is also listed by when it is
 * due: by class, time and key. That list is what `sweep` and eviction walk, from the soonest.
 * Methods with a transaction of their own say so; the others are for use inside `change`.
 */
export class LmdbEntries {
  readonly #file: LmdbFile;
  readonly #bytesMax: number;
  readonly #nowMs: () => number;
  readonly #log: Log;
  #bytesSinceCheck = 0;
  #isFull: boolean = false;

  constructor(options: {
    readonly file: LmdbFile;
    readonly bytesMax: number;
    readonly nowMs: () => number;
    readonly log: Log;
  }) {
    this.#file = options.file;
    this.#bytesMax = options.bytesMax;
    this.#nowMs = options.nowMs;
    this.#log = options.log;
  }

  /** One atomic change; lmdb lets one process at a time into it, for some ten microseconds. */
  change<Result>(run: () => Result): Result {
    try {
      return this.#file.root.transactionSync(run);
    } catch (error) {
      throw lmdbFault(error);
    }
  }

  /** Reads what is committed now, by whomever; its own transaction. */
  readNow(key: string): Entry | undefined {
    this.#file.root.resetReadTxn();
    return this.read(key);
  }

  read(key: string): Entry | undefined {
    const raw = this.#file.entries.getBinary(key);
    if (raw === undefined) return undefined;
    const expiresAtMs = raw.readDoubleBE(1);
    if (expiresAtMs <= this.#nowMs()) return undefined;
    return { value: Buffer.from(raw.subarray(headerBytes)), expiresAtMs };
  }

  write(key: string, value: Uint8Array, expiresAtMs: number, entryClass: EntryClass): void {
    if (entryClass === 1 && this.#isFull)
      throw storeFaults.full({ detail: "the hot store's bound" });
    const raw = Buffer.allocUnsafe(headerBytes + value.length);
    raw[0] = entryClass;
    raw.writeDoubleBE(expiresAtMs, 1);
    raw.set(value, headerBytes);
    const due = dueKey(raw, key);
    const before = this.#file.entries.getBinary(key);
    const dueBefore = before === undefined ? undefined : dueKey(before, key);
    if (dueBefore?.equals(due) !== true) {
      if (dueBefore !== undefined) this.#file.due.removeSync(dueBefore);
      this.#file.due.putSync(due, Buffer.alloc(0));
    }
    this.#file.entries.putSync(key, raw);
    this.#bytesSinceCheck += raw.length + key.length;
  }

  remove(key: string): void {
    const before = this.#file.entries.getBinary(key);
    if (before === undefined) return;
    this.#file.due.removeSync(dueKey(before, key));
    this.#file.entries.removeSync(key);
  }

  /** Removes a batch of the entries that begin with `prefix`; its own transaction. */
  removePrefix(prefix: string): { readonly removed: number; readonly isMore: boolean } {
    return this.change(() => {
      const range = { start: prefix, end: `${prefix}\u{10ffff}`, limit: batchMax };
      const keys = [...this.#file.entries.getKeys(range)];
      let removed = 0;
      for (const key of keys) {
        if (this.read(key) !== undefined) removed += 1;
        this.remove(key);
      }
      return { removed, isMore: keys.length === batchMax };
    });
  }

  /** Removes a batch of what is due; true when there is more. Its own transactions. */
  sweep(): boolean {
    this.#file.root.resetReadTxn();
    return classes
      .map((entryClass) => {
        const end = duePrefix(entryClass, this.#nowMs());
        const range = { start: duePrefix(entryClass, 0), end, limit: 1 };
        const isAnyDue = [...this.#file.due.getKeys(range)].length > 0;
        return isAnyDue && this.#removeDue(entryClass, end) === batchMax;
      })
      .some(Boolean);
  }

  /** Keeps the data within its bound, at the cost of values that are due soonest. */
  keepWithinBound(): void {
    if (this.#bytesSinceCheck < checkBytes && !this.#isFull) return;
    this.#bytesSinceCheck = 0;
    while (this.sweep());
    const target = this.#bytesMax * (1 - evictShare);
    let removed = 0;
    this.#isFull = false;
    if (this.#bytes() <= this.#bytesMax) return;
    const end = duePrefix(1, Number.POSITIVE_INFINITY);
    while (this.#bytes() > target) {
      const count = this.#removeDue(1, end);
      removed += count;
      if (count > 0) continue;
      this.#isFull = true;
      break;
    }
    this.#log.warn("hot_store_evicted", { removed, isFull: this.#isFull });
  }

  /** Bytes of the pages in use; free ones inside of the file are not counted. */
  #bytes(): number {
    const { root, entries, due, messages } = this.#file;
    root.resetReadTxn();
    return [entries, due, messages].reduce((sum, database) => {
      const stats = database.getStats() as Readonly<Record<string, number | undefined>>;
      const pages = ["treeBranchPageCount", "treeLeafPageCount", "overflowPages"];
      const count = pages.reduce((total, name) => total + (stats[name] ?? 0), 0);
      return sum + count * (stats["pageSize"] ?? 4096);
    }, 0);
  }

  #removeDue(entryClass: EntryClass, end: Buffer): number {
    return this.change(() => {
      const range = { start: duePrefix(entryClass, 0), end, limit: batchMax };
      const keys = [...this.#file.due.getKeys(range)].map((due) => Buffer.from(due));
      for (const due of keys) {
        this.#file.due.removeSync(due);
        this.#file.entries.removeSync(due.toString("utf8", 5));
      }
      return keys.length;
    });
  }
}

/** All steps that are over at this time sort below. */
function duePrefix(entryClass: EntryClass, expiresAtMs: number): Buffer {
  const prefix = Buffer.allocUnsafe(5);
  prefix[0] = entryClass;
  prefix.writeUInt32BE(Math.min(Math.floor(expiresAtMs / dueStepMs), 0xffff_ffff), 1);
  return prefix;
}

/** When a step is over, all in it are due. */
function dueKey(raw: Buffer, key: string): Buffer {
  const entryClass = raw[0] === 1 ? 1 : 0;
  return Buffer.concat([duePrefix(entryClass, raw.readDoubleBE(1)), Buffer.from(key)]);
}

/** lmdb's errors; a missing page or a bad mark means that the file was overwritten. */
export function lmdbFault(error: unknown): unknown {
  if (Fault.is(error) || !(error instanceof Error)) return error;
  const detail = error.message;
  if (/MDB_MAP_FULL|No space left|ENOSPC/.test(detail)) {
    return storeFaults.full({ detail, cause: error });
  }
  if (/MDB_READERS_FULL/.test(detail)) return storeFaults.overloaded({ detail, cause: error });
  if (/MDB_(CORRUPTED|INVALID|PAGE_NOTFOUND|PANIC)/.test(detail)) {
    return storeFaults.corrupt({ detail, cause: error });
  }
  return error;
}
