import { assert } from "../../kernel/index.ts";
import {
  checkGcraDemand,
  type GcraDecision,
  type GcraDemand,
  type GcraLimit,
} from "../../resilience/index.ts";

/** Longest key and channel name, in bytes; what lmdb can index. */
export const keyBytesMax = 1024;
/** Largest value and message, in bytes. */
export const valueBytesMax = 8 * 1024 * 1024;
/** Limits that one `take` can ask for. */
export const demandsMax = 16;

/** One limit in a `take`: where it is counted, what it allows, how much is wanted. */
export interface HotDemand extends GcraDemand {
  readonly key: string;
}

/** The figures of the limit that decided, and those of each. */
export interface TakeResult extends GcraDecision {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number;
  /** The store's clock at the decision, in milliseconds; comparable within one store only. */
  readonly atMs: number;
}

export interface HotEntry {
  readonly key: string;
  readonly value: Uint8Array | string;
}

export interface HotChange {
  readonly former: Uint8Array | string;
  readonly value: Uint8Array | string;
}

export interface TimeToLive {
  /** Milliseconds, whole, at least 1. */
  readonly ttlMs: number;
}

export interface HotSubscription {
  close(): Promise<void>;
}

export interface MessageHandlers {
  onMessage(message: Buffer): void;
  /** Messages may have been missed (the store was away, or we were too slow): read the truth. */
  onGap(): void;
}

/**
 * What is shared by replicas, short-lived and fast. It is a cache, not a truth: any of it may be
 * gone at any moment (a restart, memory pressure), so whatever must not be lost is also elsewhere.
 *
 * Every adapter guarantees:
 * - Each operation is atomic and, while the store is reachable, linearisable among all who share
 * it.
 * - A value is never returned once its time to live has passed by the store's own clock.
 * - An operation ends within the store's command timeout (250 ms by default), or fails with
 *   `store.unavailable` (not done), `store.outcome_unknown` (perhaps done), `store.overloaded` or
 *   `store.full`. While the store is known to be away operations fail at once.
 * - After the store returns, operations succeed again within a second, without help.
 * - Messages arrive at most once, in order for one publisher, at those subscribed when they are
 *   sent; a gap is told by `onGap`.
 *
 * Keys that must be used together in one `take` must be of one tenant: see `hotKey`.
 */
export interface HotStore {
  readonly kind: "memory" | "lmdb" | "redis";
  /** False from the first failure until an operation succeeds. */
  readonly isReachable: boolean;
  get(key: string): Promise<Buffer | undefined>;
  set(key: string, value: Uint8Array | string, life: TimeToLive): Promise<void>;
  /** Many at once, which is far cheaper than one by one. Not atomic as a whole. */
  setAll(entries: readonly HotEntry[], life: TimeToLive): Promise<void>;
  /** True when there was none, and now is: a lock, or a single flight among replicas. */
  setIfAbsent(key: string, value: Uint8Array | string, life: TimeToLive): Promise<boolean>;
  /** True when there was one. */
  delete(key: string): Promise<boolean>;
  /** Deletes if it still holds this value, as the owner of a lock must. */
  deleteIfEqual(key: string, value: Uint8Array | string): Promise<boolean>;
  /** Replaces what still holds `former`; false, and nothing done, where it does not. */
  replaceIfEqual(key: string, change: HotChange, life: TimeToLive): Promise<boolean>;
  /** Deletes all keys that begin with `prefix`; how many. Not atomic as a whole; may be slow. */
  deletePrefix(prefix: string): Promise<number>;
  /**
   * Adds the whole number `by`, from 0 when absent, and returns the sum. The time to live counts
   * from the first addition. Shares its keys with `get`, which shows the sum in decimal digits.
   */
  increment(key: string, by: number, life: TimeToLive): Promise<number>;
  /** Takes from all limits, or from none when one refuses. By GCRA, on the store's own clock. */
  take(demands: readonly HotDemand[]): Promise<TakeResult>;
  /** Puts back what was taken and not used; never below nothing taken. */
  giveBack(demands: readonly HotDemand[]): Promise<void>;
  publish(channel: string, message: Uint8Array | string): Promise<void>;
  subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription>;
  close(): Promise<void>;
}

/**
 * A key of a tenant: `{tenant}:part:part`. The braces make all of a tenant's keys live on one
 * machine of a Redis cluster, and make `deletePrefix(hotKey(tenant))` forget the tenant.
 */
export function hotKey(tenant: string, ...parts: readonly string[]): string {
  assert(tenant !== "" && !/[{}]/.test(tenant), "a tenant in a key is not empty and has no braces");
  return `{${tenant}}:${parts.join(":")}`;
}

/** Throws an `AssertionFault` for a key that not every adapter can hold. */
export function checkKey(key: string): void {
  const isShort = key.length * 3 <= keyBytesMax || Buffer.byteLength(key) <= keyBytesMax;
  assert(key !== "" && isShort && !key.includes("\0"), "a key has 1 to 1024 bytes, none of them 0");
}

/** The count that a value holds, 0 when absent; an `AssertionFault` when it is no whole number. */
export function numberIn(value: Buffer | undefined): number {
  const count = value === undefined ? 0 : Number(value.toString());
  assert(Number.isSafeInteger(count), "what is counted up is a whole number");
  return count;
}

export function checkValue(value: Uint8Array | string): void {
  assert(value.length <= valueBytesMax, "a value has at most 8 MiB");
}

export function checkLife({ ttlMs }: TimeToLive): void {
  assert(Number.isSafeInteger(ttlMs) && ttlMs >= 1, "a time to live is a whole number from 1 ms");
}

export function checkDemands(demands: readonly HotDemand[]): void {
  assert(demands.length >= 1 && demands.length <= demandsMax, "1 to 16 limits can be taken from");
  for (const demand of demands) {
    checkKey(demand.key);
    checkGcraDemand(demand);
  }
  const keys = new Set(demands.map(({ key }) => key));
  assert(keys.size === demands.length, "each limit of a take has a key of its own");
}

/** Milliseconds after which a level has leaked away and its record can be forgotten. */
export function lifeOfLevelMs(level: number, limit: GcraLimit): number {
  return Math.ceil((level * limit.periodMs) / limit.limit) + 1000;
}

export function takeResult(
  decision: GcraDecision,
  demands: readonly HotDemand[],
  atMs: number,
): TakeResult {
  const verdict = decision.verdicts[decision.binding];
  const demand = demands[decision.binding];
  assert(verdict !== undefined && demand !== undefined, "a decision binds one of its demands");
  return {
    ...decision,
    limit: demand.limit.limit,
    remaining: verdict.remaining,
    resetMs: verdict.resetMs,
    retryAfterMs: verdict.retryAfterMs,
    atMs,
  };
}
