import { type GcraState, gcraDecide, gcraLevel } from "../../resilience/index.ts";
import type { Log } from "../../telemetry/index.ts";
import type { Timer, World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import {
  checkDemands,
  checkKey,
  checkLife,
  checkValue,
  type HotChange,
  type HotDemand,
  type HotEntry,
  type HotStore,
  type HotSubscription,
  lifeOfLevelMs,
  type MessageHandlers,
  numberIn,
  type TakeResult,
  type TimeToLive,
  takeResult,
} from "./hot-store.ts";
import { LmdbBus } from "./lmdb-bus.ts";
import { LmdbEntries } from "./lmdb-entries.ts";
import { type LmdbFile, openLmdbFile } from "./lmdb-file.ts";

const sweepPeriodMs = 1000;
const readerCheckSweeps = 10;

export interface LmdbHotStoreOptions {
  readonly world: World;
  readonly log: Log;
  /** Data, at most; beyond it values that are due soonest give way. 256 MiB by default. */
  readonly bytesMax?: number;
}

/**
 * A hot store in memory shared by the processes of one machine; in a file system of memory it never
 * touches a disk. A change takes some ten microseconds, during which other processes that change
 * something wait; one that is killed in it costs them a fraction of a millisecond.
 *
 * Its clock is the machine's monotonic one, which all processes share and nobody can set.
 */
export class LmdbHotStore implements HotStore {
  readonly kind = "lmdb";
  readonly #file: LmdbFile;
  readonly #entries: LmdbEntries;
  readonly #bus: LmdbBus;
  readonly #sweeper: Timer;
  readonly #closeFile: () => Promise<void>;
  readonly #nowMs: () => number;
  #state: "open" | "closed" = "open";
  #sweeps = 0;

  constructor(directory: string, options: LmdbHotStoreOptions) {
    const { world, log, bytesMax = 256 * 1024 * 1024 } = options;
    // The world's clock counts from this process's start; all processes need the same zero.
    const zeroMs = Number(process.hrtime.bigint()) / 1e6 - world.clock.monotonicMs();
    const nowMs = () => zeroMs + world.clock.monotonicMs();
    const { file, close } = openLmdbFile(directory, { bytesMax, log });
    this.#nowMs = nowMs;
    this.#file = file;
    this.#closeFile = close;
    this.#entries = new LmdbEntries({ file, bytesMax, nowMs, log });
    this.#bus = new LmdbBus({ file, entries: this.#entries, world, log, nowMs });
    this.#sweeper = world.timers.every(sweepPeriodMs, () => this.#sweep(log));
  }

  get isReachable(): boolean {
    return this.#state === "open";
  }

  async get(key: string): Promise<Buffer | undefined> {
    this.#check(key);
    return this.#entries.readNow(key)?.value;
  }

  async set(key: string, value: Uint8Array | string, { ttlMs }: TimeToLive): Promise<void> {
    this.#check(key, value, ttlMs);
    const bytes = Buffer.from(value);
    this.#entries.keepWithinBound();
    this.#entries.change(() => this.#entries.write(key, bytes, this.#nowMs() + ttlMs, 1));
  }

  async setAll(entries: readonly HotEntry[], { ttlMs }: TimeToLive): Promise<void> {
    for (const { key, value } of entries) this.#check(key, value, ttlMs);
    this.#entries.keepWithinBound();
    this.#entries.change(() => {
      const expiresAtMs = this.#nowMs() + ttlMs;
      for (const { key, value } of entries) {
        this.#entries.write(key, Buffer.from(value), expiresAtMs, 1);
      }
    });
  }

  async setIfAbsent(
    key: string,
    value: Uint8Array | string,
    { ttlMs }: TimeToLive,
  ): Promise<boolean> {
    this.#check(key, value, ttlMs);
    const bytes = Buffer.from(value);
    return this.#entries.change(() => {
      if (this.#entries.read(key) !== undefined) return false;
      this.#entries.write(key, bytes, this.#nowMs() + ttlMs, 0);
      return true;
    });
  }

  async delete(key: string): Promise<boolean> {
    this.#check(key);
    return this.#entries.change(() => {
      const isPresent = this.#entries.read(key) !== undefined;
      this.#entries.remove(key);
      return isPresent;
    });
  }

  async deleteIfEqual(key: string, value: Uint8Array | string): Promise<boolean> {
    this.#check(key);
    const bytes = Buffer.from(value);
    return this.#entries.change(() => {
      if (this.#entries.read(key)?.value.equals(bytes) !== true) return false;
      this.#entries.remove(key);
      return true;
    });
  }

  async replaceIfEqual(
    key: string,
    { former, value }: HotChange,
    { ttlMs }: TimeToLive,
  ): Promise<boolean> {
    this.#check(key, value, ttlMs);
    const expected = Buffer.from(former);
    const bytes = Buffer.from(value);
    return this.#entries.change(() => {
      if (this.#entries.read(key)?.value.equals(expected) !== true) return false;
      this.#entries.write(key, bytes, this.#nowMs() + ttlMs, 0);
      return true;
    });
  }

  async deletePrefix(prefix: string): Promise<number> {
    this.#check(prefix);
    for (let count = 0; ; ) {
      const { removed, isMore } = this.#entries.removePrefix(prefix);
      count += removed;
      if (!isMore) return count;
      // Others have their turn between the batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async increment(key: string, by: number, { ttlMs }: TimeToLive): Promise<number> {
    this.#check(key, "", ttlMs);
    return this.#entries.change(() => {
      const present = this.#entries.read(key);
      const sum = numberIn(present?.value) + by;
      const expiresAtMs = present?.expiresAtMs ?? this.#nowMs() + ttlMs;
      this.#entries.write(key, Buffer.from(String(sum)), expiresAtMs, 0);
      return sum;
    });
  }

  async take(demands: readonly HotDemand[]): Promise<TakeResult> {
    this.#checkOpen();
    checkDemands(demands);
    return this.#entries.change(() => {
      const nowMs = this.#nowMs();
      const levels = demands.map((demand) => this.#level(demand, nowMs));
      const decision = gcraDecide(demands, levels);
      for (const [index, demand] of demands.entries()) {
        if (!decision.allowed || demand.cost === 0) continue;
        this.#writeLevel(demand, (levels[index] ?? 0) + demand.cost, nowMs);
      }
      return takeResult(decision, demands, nowMs);
    });
  }

  async giveBack(demands: readonly HotDemand[]): Promise<void> {
    this.#checkOpen();
    checkDemands(demands);
    this.#entries.change(() => {
      const nowMs = this.#nowMs();
      for (const demand of demands) {
        const level = this.#level(demand, nowMs) - demand.cost;
        if (level > 0) this.#writeLevel(demand, level, nowMs);
        else this.#entries.remove(demand.key);
      }
    });
  }

  async publish(channel: string, message: Uint8Array | string): Promise<void> {
    this.#check(channel, message);
    this.#bus.publish(channel, Buffer.from(message));
  }

  async subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription> {
    this.#check(channel);
    return this.#bus.subscribe(channel, handlers);
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#sweeper.cancel();
    this.#bus.close();
    await this.#closeFile();
  }

  #checkOpen(): void {
    if (this.#state === "closed") throw storeFaults.closed();
  }

  #check(key: string, value: Uint8Array | string = "", ttlMs = 1): void {
    this.#checkOpen();
    checkKey(key);
    checkValue(value);
    checkLife({ ttlMs });
  }

  #level({ key, limit }: HotDemand, nowMs: number): number {
    const stored = this.#entries.read(key)?.value;
    const state: GcraState | undefined =
      stored?.length === 16
        ? { level: stored.readDoubleBE(0), atMs: stored.readDoubleBE(8) }
        : undefined;
    return gcraLevel(state, limit, nowMs);
  }

  #writeLevel({ key, limit }: HotDemand, level: number, nowMs: number): void {
    const stored = Buffer.allocUnsafe(16);
    stored.writeDoubleBE(level, 0);
    stored.writeDoubleBE(nowMs, 8);
    this.#entries.write(key, stored, nowMs + lifeOfLevelMs(level, limit), 0);
  }

  #sweep(log: Log): void {
    this.#sweeps += 1;
    try {
      // Slots of killed readers keep old pages from being used again.
      if (this.#sweeps % readerCheckSweeps === 0) this.#file.root.readerCheck();
      this.#entries.sweep();
    } catch (error) {
      log.warn("hot_store_sweep_failed", { error: String(error) });
    }
  }
}
