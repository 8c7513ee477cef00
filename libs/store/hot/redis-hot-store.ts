import { assert } from "../../kernel/index.ts";
import { gcraDecide } from "../../resilience/index.ts";
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
  type MessageHandlers,
  type TakeResult,
  type TimeToLive,
  takeResult,
} from "./hot-store.ts";
import { ReadBatch, tenantOf } from "./read-batch.ts";
import { RedisConnection, type RedisConnectionOptions } from "./redis-connection.ts";
import { RedisListener } from "./redis-listener.ts";
import { WriteBatch } from "./write-batch.ts";

const scanCount = 500;

/** A hot store in Redis 6.2 or newer, or Valkey; shared by all machines that reach it. */
export class RedisHotStore implements HotStore {
  readonly kind = "redis";
  readonly #connection: RedisConnection;
  readonly #reads = new ReadBatch((keys) => this.#readMany(keys));
  readonly #writes = new WriteBatch((entries, life) => this.#writeMany(entries, life));
  readonly #listen: () => RedisListener;
  /** Made with the first subscription. */
  #listener: RedisListener | undefined;

  constructor(url: string, options: RedisConnectionOptions) {
    this.#connection = new RedisConnection(url, options);
    this.#listen = () => new RedisListener(url, options);
  }

  open(): Promise<void> {
    return this.#connection.open();
  }

  get isReachable(): boolean {
    return this.#connection.isReachable;
  }

  async get(key: string): Promise<Buffer | undefined> {
    checkKey(key);
    return this.#reads.get(key);
  }

  async #readMany(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    return this.#connection.run((client) => client.mgetBuffer([...keys]), { isRead: true });
  }

  async set(key: string, value: Uint8Array | string, life: TimeToLive): Promise<void> {
    checkEntry(key, value, life);
    return this.#writes.set({ key, value }, life);
  }

  async #writeMany(entries: readonly HotEntry[], life: TimeToLive): Promise<void> {
    const [first] = entries;
    if (first === undefined || entries.length > 1) return this.setAll(entries, life);
    const { key, value } = first;
    await this.#connection.run((client) => client.set(key, bytesOf(value), "PX", life.ttlMs));
  }

  async setAll(entries: readonly HotEntry[], life: TimeToLive): Promise<void> {
    const byTenant = new Map<string, HotEntry[]>();
    for (const entry of entries) {
      checkEntry(entry.key, entry.value, life);
      const tenant = tenantOf(entry.key);
      const group = byTenant.get(tenant);
      if (group === undefined) byTenant.set(tenant, [entry]);
      else group.push(entry);
    }
    const groups = [...byTenant.values()].map((group) => {
      const values = group.map(({ value }) => bytesOf(value));
      const keys = group.map(({ key }) => key);
      return this.#connection.script("setAll", keys, [life.ttlMs, ...values]);
    });
    await Promise.all(groups);
  }

  async setIfAbsent(key: string, value: Uint8Array | string, life: TimeToLive): Promise<boolean> {
    checkEntry(key, value, life);
    const answer = await this.#connection.run((client) =>
      client.set(key, bytesOf(value), "PX", life.ttlMs, "NX"),
    );
    return answer === "OK";
  }

  async delete(key: string): Promise<boolean> {
    checkKey(key);
    return (await this.#connection.run((client) => client.del(key))) === 1;
  }

  async deleteIfEqual(key: string, value: Uint8Array | string): Promise<boolean> {
    checkKey(key);
    return (await this.#connection.script("deleteEqual", [key], [bytesOf(value)])) === 1;
  }

  async replaceIfEqual(key: string, change: HotChange, life: TimeToLive): Promise<boolean> {
    checkEntry(key, change.value, life);
    const given = [bytesOf(change.former), bytesOf(change.value), life.ttlMs];
    return (await this.#connection.script("replaceEqual", [key], given)) === 1;
  }

  async deletePrefix(prefix: string): Promise<number> {
    checkKey(prefix);
    const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, "\\$&")}*`;
    let cursor = "0";
    let count = 0;
    do {
      const [next, keys] = await this.#connection.run((client) =>
        client.scan(cursor, "MATCH", pattern, "COUNT", scanCount),
      );
      cursor = next;
      if (keys.length > 0) count += await this.#connection.run((client) => client.unlink(...keys));
    } while (cursor !== "0");
    return count;
  }

  async increment(key: string, by: number, life: TimeToLive): Promise<number> {
    checkKey(key);
    checkLife(life);
    return Number(await this.#connection.script("add", [key], [by, life.ttlMs]));
  }

  async take(demands: readonly HotDemand[]): Promise<TakeResult> {
    const [isDone, now, ...levels] = await this.#limits("take", demands);
    const decision = gcraDecide(demands, levels.map(Number));
    assert(decision.allowed === (isDone === 1), "the script and the rule agree");
    return takeResult(decision, demands, Number(now));
  }

  async giveBack(demands: readonly HotDemand[]): Promise<void> {
    await this.#limits("give", demands);
  }

  async publish(channel: string, message: Uint8Array | string): Promise<void> {
    checkKey(channel);
    checkValue(message);
    await this.#connection.run((client) => client.publish(channel, bytesOf(message)));
  }

  async subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription> {
    checkKey(channel);
    this.#listener ??= this.#listen();
    return this.#listener.subscribe(channel, handlers);
  }

  async close(): Promise<void> {
    this.#listener?.close();
    this.#connection.close();
  }

  async #limits(
    mode: "take" | "give",
    demands: readonly HotDemand[],
  ): Promise<readonly (number | string)[]> {
    checkDemands(demands);
    const parameters = demands.flatMap(({ limit, cost }) => [
      limit.limit,
      limit.periodMs,
      limit.burst,
      cost,
    ]);
    const keys = demands.map(({ key }) => key);
    const reply = await this.#connection.script("limits", keys, [mode, ...parameters]);
    assert(Array.isArray(reply), "the script returns a list");
    return reply;
  }
}

function checkEntry(key: string, value: Uint8Array | string, life: TimeToLive): void {
  checkKey(key);
  checkValue(value);
  checkLife(life);
}

function bytesOf(value: Uint8Array | string): Buffer {
  return typeof value === "string"
    ? Buffer.from(value)
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
