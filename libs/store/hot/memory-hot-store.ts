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
import { Subscribers } from "./subscribers.ts";

const sweepPeriodMs = 1000;

interface Entry {
  readonly value: Buffer | GcraState;
  readonly expiresAtMs: number;
}

/**
 * A hot store inside one process, for tests and for a system of one process. At `entriesMax` the
 * entry that was written longest ago gives way.
 */
export class MemoryHotStore implements HotStore {
  readonly kind = "memory";
  readonly #world: World;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #subscribers: Subscribers;
  readonly #sweeper: Timer;
  #state: "open" | "closed" = "open";

  constructor(options: { readonly world: World; readonly log: Log; readonly entriesMax?: number }) {
    this.#world = options.world;
    this.#subscribers = new Subscribers(options.log);
    this.#entriesMax = options.entriesMax ?? 200_000;
    this.#sweeper = this.#world.timers.every(sweepPeriodMs, () => this.#sweep());
  }

  get isReachable(): boolean {
    return this.#state === "open";
  }

  async get(key: string): Promise<Buffer | undefined> {
    const value = this.#read(key);
    return Buffer.isBuffer(value) ? Buffer.from(value) : undefined;
  }

  async set(key: string, value: Uint8Array | string, life: TimeToLive): Promise<void> {
    checkValue(value);
    checkLife(life);
    this.#write(key, Buffer.from(value), life.ttlMs);
  }

  async setAll(entries: readonly HotEntry[], life: TimeToLive): Promise<void> {
    for (const { key, value } of entries) await this.set(key, value, life);
  }

  async setIfAbsent(key: string, value: Uint8Array | string, life: TimeToLive): Promise<boolean> {
    if (this.#read(key) !== undefined) return false;
    await this.set(key, value, life);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    const isPresent = this.#read(key) !== undefined;
    this.#entries.delete(key);
    return isPresent;
  }

  async deleteIfEqual(key: string, value: Uint8Array | string): Promise<boolean> {
    const present = this.#read(key);
    if (!Buffer.isBuffer(present) || !present.equals(Buffer.from(value))) return false;
    return this.#entries.delete(key);
  }

  async replaceIfEqual(key: string, change: HotChange, life: TimeToLive): Promise<boolean> {
    const present = this.#read(key);
    if (!Buffer.isBuffer(present) || !present.equals(Buffer.from(change.former))) return false;
    await this.set(key, change.value, life);
    return true;
  }

  async deletePrefix(prefix: string): Promise<number> {
    this.#check(prefix);
    let count = 0;
    for (const key of this.#entries.keys()) {
      if (!key.startsWith(prefix)) continue;
      if (this.#read(key) !== undefined) count += 1;
      this.#entries.delete(key);
    }
    return count;
  }

  async increment(key: string, by: number, life: TimeToLive): Promise<number> {
    checkLife(life);
    const present = this.#read(key);
    const sum = numberIn(Buffer.isBuffer(present) ? present : undefined) + by;
    const expiresAtMs = this.#entries.get(key)?.expiresAtMs;
    const ttlMs = present === undefined ? life.ttlMs : (expiresAtMs ?? 0) - this.#nowMs();
    this.#write(key, Buffer.from(String(sum)), ttlMs);
    return sum;
  }

  async take(demands: readonly HotDemand[]): Promise<TakeResult> {
    checkDemands(demands);
    const nowMs = this.#nowMs();
    const levels = demands.map((demand) => this.#level(demand, nowMs));
    const decision = gcraDecide(demands, levels);
    for (const [index, demand] of demands.entries()) {
      if (!decision.allowed || demand.cost === 0) continue;
      this.#writeLevel(demand, (levels[index] ?? 0) + demand.cost, nowMs);
    }
    return takeResult(decision, demands, nowMs);
  }

  async giveBack(demands: readonly HotDemand[]): Promise<void> {
    checkDemands(demands);
    const nowMs = this.#nowMs();
    for (const demand of demands) {
      const level = this.#level(demand, nowMs) - demand.cost;
      if (level > 0) this.#writeLevel(demand, level, nowMs);
      else this.#entries.delete(demand.key);
    }
  }

  async publish(channel: string, message: Uint8Array | string): Promise<void> {
    this.#check(channel);
    checkValue(message);
    const copy = Buffer.from(message);
    queueMicrotask(() => this.#subscribers.deliver(channel, copy));
  }

  async subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription> {
    this.#check(channel);
    return this.#subscribers.add(channel, handlers);
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#sweeper.cancel();
    this.#entries.clear();
    this.#subscribers.clear();
  }

  #nowMs(): number {
    return this.#world.clock.monotonicMs();
  }

  #check(key: string): void {
    if (this.#state === "closed") throw storeFaults.closed();
    checkKey(key);
  }

  #read(key: string): Buffer | GcraState | undefined {
    this.#check(key);
    const entry = this.#entries.get(key);
    return entry === undefined || entry.expiresAtMs <= this.#nowMs() ? undefined : entry.value;
  }

  #write(key: string, value: Buffer | GcraState, ttlMs: number): void {
    this.#check(key);
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, expiresAtMs: this.#nowMs() + ttlMs });
  }

  #level(demand: HotDemand, nowMs: number): number {
    const present = this.#read(demand.key);
    const state = Buffer.isBuffer(present) ? undefined : present;
    return gcraLevel(state, demand.limit, nowMs);
  }

  #writeLevel(demand: HotDemand, level: number, nowMs: number): void {
    this.#write(demand.key, { level, atMs: nowMs }, lifeOfLevelMs(level, demand.limit));
  }

  #sweep(): void {
    const nowMs = this.#nowMs();
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs <= nowMs) this.#entries.delete(key);
    }
  }
}
