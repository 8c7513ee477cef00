import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionFault } from "../../kernel/index.ts";
import { type GcraState, gcraDecide, gcraLevel } from "../../resilience/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { type HotDemand, type HotStore, hotKey, valueBytesMax } from "./hot-store.ts";

const world = realWorld();
const life = { ttlMs: 60_000 };
let tenants = 0;

/** Each test has a tenant of its own, so that they need no empty store. */
function newTenant(): string {
  tenants += 1;
  return `tenant-${process.pid}-${tenants}-${Math.round(world.clock.nowMs())}`;
}

function text(value: Buffer | undefined): string | undefined {
  return value?.toString();
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = world.clock.monotonicMs() + 5000;
  while (!(await what())) {
    assert.ok(world.clock.monotonicMs() < giveUpAtMs, "did not come true within 5 s");
    await sleep(world, 2);
  }
}

/**
 * The behaviour every hot store must show. `open` gives another handle on the same store each
 * time, as another replica would have.
 */
export function hotStoreSuite(name: string, open: () => Promise<HotStore>): void {
  const check = (guarantee: string, run: (store: HotStore, tenant: string) => Promise<void>) =>
    test(`${name}: ${guarantee}`, async () => {
      const store = await open();
      try {
        await run(store, newTenant());
      } finally {
        await store.close();
      }
    });
  values(check);
  manyValues(check);
  writesAtOnce(check);
  locks(check, open);
  replacing(check, open);
  counters(check, open);
  limits(check, open);
  limitsOverTime(check);
  messages(check, open);
}

type Check = (
  guarantee: string,
  run: (store: HotStore, tenant: string) => Promise<void>,
) => unknown;

function manyValues(check: Check): void {
  check(
    "many are set at once, of several tenants, each with its own value",
    async (store, tenant) => {
      const entries = Array.from({ length: 250 }, (_, index) => ({
        key: hotKey(`${tenant}-${index % 2}`, String(index)),
        value: `value ${index}`,
      }));
      await store.setAll(entries, life);
      const found = await Promise.all(entries.map(({ key }) => store.get(key)));
      assert.deepEqual(
        found.map(text),
        entries.map(({ value }) => value),
      );
      await store.setAll([{ key: hotKey(tenant, "brief"), value: "x" }], { ttlMs: 40 });
      await until(async () => (await store.get(hotKey(tenant, "brief"))) === undefined);
      await assert.rejects(store.setAll([{ key: "", value: "x" }], life), AssertionFault);
    },
  );
}

function writesAtOnce(check: Check): void {
  check(
    "what is set in one turn is all there, and the last of a key stays",
    async (store, tenant) => {
      const keyOf = (index: number) => hotKey(`${tenant}-${index % 2}`, String(index % 150));
      const writes = Array.from({ length: 200 }, (_, index) =>
        store.set(keyOf(index), Buffer.from([index, 0, 255]), life),
      );
      const brief = store.set(hotKey(tenant, "brief"), "x", { ttlMs: 40 });
      await Promise.all([...writes, brief]);
      for (let index = 50; index < 200; index += 1) {
        assert.deepEqual(await store.get(keyOf(index)), Buffer.from([index, 0, 255]));
      }
      await until(async () => (await store.get(hotKey(tenant, "brief"))) === undefined);
      await assert.rejects(store.set("", "x", life), AssertionFault);
    },
  );
}

function values(check: Check): void {
  check("what was set is read back, byte for byte, until deleted", async (store, tenant) => {
    const key = hotKey(tenant, "a");
    const value = Buffer.from([0, 255, 10, 13, 0, 200]);
    assert.equal(await store.get(key), undefined);
    await store.set(key, value, life);
    assert.deepEqual(await store.get(key), value);
    await store.set(key, "", life);
    assert.deepEqual(await store.get(key), Buffer.alloc(0));
    assert.equal(await store.delete(key), true);
    assert.equal(await store.delete(key), false);
    assert.equal(await store.get(key), undefined);
  });

  check("a large value and a view into a larger buffer come back whole", async (store, tenant) => {
    const key = hotKey(tenant, "large");
    const whole = Buffer.alloc(valueBytesMax, "0123456789");
    await store.set(key, whole, life);
    assert.ok((await store.get(key))?.equals(whole));
    await store.set(key, new Uint8Array(whole.buffer, whole.byteOffset + 3, 4), life);
    assert.equal(text(await store.get(key)), "3456");
  });

  check("a value is gone when its time to live has passed", async (store, tenant) => {
    const key = hotKey(tenant, "short");
    await store.set(key, "x", { ttlMs: 40 });
    await store.set(hotKey(tenant, "long"), "y", life);
    await until(async () => (await store.get(key)) === undefined);
    assert.equal(await store.delete(key), false);
    assert.equal(await store.setIfAbsent(key, "z", { ttlMs: 40 }), true);
    assert.equal(text(await store.get(hotKey(tenant, "long"))), "y");
  });

  check("deleting a tenant's prefix leaves every other tenant alone", async (store, tenant) => {
    const others = [`${tenant}0`, `x${tenant}`, `${tenant.slice(0, -1)}*`];
    for (const each of [tenant, ...others]) {
      for (let index = 0; index < 30; index += 1)
        await store.set(hotKey(each, `${index}`), "v", life);
    }
    await store.set(hotKey(tenant, "part[a]*?", "x"), "v", life);
    assert.equal(await store.deletePrefix(hotKey(tenant, "part[a]*?")), 1);
    assert.equal(await store.deletePrefix(hotKey(tenant)), 30);
    assert.equal(await store.get(hotKey(tenant, "7")), undefined);
    for (const each of others) {
      assert.equal(text(await store.get(hotKey(each, "7"))), "v");
      assert.equal(await store.deletePrefix(hotKey(each)), 30);
    }
  });

  check("a key or value that not every store can hold is a programmer's mistake", async (store) => {
    await assert.rejects(store.get(""), AssertionFault);
    await assert.rejects(store.get("x".repeat(2000)), AssertionFault);
    await assert.rejects(store.set("a", "v", { ttlMs: 0 }), AssertionFault);
    await assert.rejects(store.set("a", "v", { ttlMs: 1.5 }), AssertionFault);
    await assert.rejects(store.set("a", Buffer.alloc(valueBytesMax + 1), life), AssertionFault);
    await assert.rejects(store.take([]), AssertionFault);
  });
}

function locks(check: Check, open: () => Promise<HotStore>): void {
  check("of many who set if absent, exactly one succeeds", async (store, tenant) => {
    const key = hotKey(tenant, "lock");
    const other = await open();
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 || store.kind === "memory" ? store : other).setIfAbsent(
          key,
          `${index}`,
          life,
        ),
      ),
    );
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(text(await store.get(key)), String(won.indexOf(true)));
    await other.close();
  });

  check("a lock is released by its owner only", async (store, tenant) => {
    const key = hotKey(tenant, "lock");
    await store.setIfAbsent(key, "mine", life);
    assert.equal(await store.deleteIfEqual(key, "theirs"), false);
    assert.equal(await store.deleteIfEqual(key, "mine"), true);
    assert.equal(await store.deleteIfEqual(key, "mine"), false);
  });
}

function replacing(check: Check, open: () => Promise<HotStore>): void {
  check("of many who replace the same value, exactly one does", async (store, tenant) => {
    const key = hotKey(tenant, "maker");
    const other = store.kind === "memory" ? store : await open();
    assert.equal(await store.replaceIfEqual(key, { former: "a", value: "b" }, life), false);
    assert.equal(await store.get(key), undefined);
    await store.set(key, "a", life);
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? store : other).replaceIfEqual(key, { former: "a", value: `${index}` }, life),
      ),
    );
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(text(await store.get(key)), String(won.indexOf(true)));
    const brief = { former: String(won.indexOf(true)), value: "c" };
    assert.equal(await store.replaceIfEqual(key, brief, { ttlMs: 40 }), true);
    await until(async () => (await store.get(key)) === undefined);
    if (other !== store) await other.close();
  });
}

function counters(check: Check, open: () => Promise<HotStore>): void {
  check("additions from several replicas are all counted", async (store, tenant) => {
    const key = hotKey(tenant, "count");
    const other = store.kind === "memory" ? store : await open();
    const sums = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 ? store : other).increment(key, 3, life),
      ),
    );
    assert.equal(new Set(sums).size, 200);
    assert.equal(await store.increment(key, -100, life), 500);
    assert.equal(text(await store.get(key)), "500");
    if (other !== store) await other.close();
  });

  check("a count lives from its first addition, not its last", async (store, tenant) => {
    const key = hotKey(tenant, "window");
    assert.equal(await store.increment(key, 1, { ttlMs: 150 }), 1);
    const startedMs = world.clock.monotonicMs();
    await until(async () => (await store.increment(key, 1, { ttlMs: 150 })) === 1);
    const tookMs = world.clock.monotonicMs() - startedMs;
    assert.ok(tookMs > 100 && tookMs < 1500, `${tookMs} ms`);
  });

  check("adding to what is no number is a programmer's mistake", async (store, tenant) => {
    await store.set(hotKey(tenant, "text"), "abc", life);
    await assert.rejects(store.increment(hotKey(tenant, "text"), 1, life), AssertionFault);
  });
}

function demand(key: string, cost = 1, limit = 10, periodMs = 60_000, burst = limit): HotDemand {
  return { key, cost, limit: { limit, periodMs, burst } };
}

function limits(check: Check, open: () => Promise<HotStore>): void {
  check("of many takes at once exactly the limit is allowed", async (store, tenant) => {
    const key = hotKey(tenant, "limit");
    const other = store.kind === "memory" ? store : await open();
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 2 ? store : other).take([demand(key)])),
    );
    assert.equal(results.filter(({ allowed }) => allowed).length, 10);
    const refused = await store.take([demand(key)]);
    assert.equal(refused.allowed, false);
    assert.equal(refused.limit, 10);
    assert.equal(refused.remaining, 0);
    assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= 6000, `${refused.retryAfterMs}`);
    assert.ok(refused.resetMs > 54_000 && refused.resetMs <= 60_000, `${refused.resetMs}`);
    if (other !== store) await other.close();
  });

  check("several limits are taken from together or not at all", async (store, tenant) => {
    const requests = hotKey(tenant, "requests");
    const tokens = hotKey(tenant, "tokens");
    const both = (cost: number) => [demand(requests, 1, 100), demand(tokens, cost, 1000)];
    assert.equal((await store.take(both(900))).allowed, true);
    const refused = await store.take(both(200));
    assert.equal(refused.allowed, false);
    assert.equal(refused.binding, 1);
    assert.equal(refused.verdicts[0]?.allowed, true);
    assert.equal(refused.verdicts[0]?.remaining, 99);
    assert.equal((await store.take([demand(requests, 0, 100)])).remaining, 99);
  });

  check("what is given back can be taken again, and no more than that", async (store, tenant) => {
    const key = hotKey(tenant, "limit");
    assert.equal((await store.take([demand(key, 10)])).remaining, 0);
    await store.giveBack([demand(key, 4)]);
    assert.equal((await store.take([demand(key, 0)])).remaining, 4);
    await store.giveBack([demand(key, 1000)]);
    assert.equal((await store.take([demand(key, 0)])).remaining, 10);
    assert.equal((await store.take([demand(key, 11)])).retryAfterMs, Number.POSITIVE_INFINITY);
  });
}

function limitsOverTime(check: Check): void {
  check("after the time that a refusal names, the same take is allowed", async (store, tenant) => {
    const key = hotKey(tenant, "limit");
    const want = demand(key, 7, 100, 1000, 10);
    assert.equal((await store.take([want])).allowed, true);
    const refused = await store.take([want]);
    assert.equal(refused.allowed, false);
    await sleep(world, refused.retryAfterMs + 1);
    assert.equal((await store.take([want])).allowed, true);
  });

  check("decides as the pure rule does, on the store's own clock", async (store, tenant) => {
    const states = new Map<string, GcraState>();
    const keys = ["a", "b", "c"].map((part) => hotKey(tenant, part));
    const seed = keys.map((key, index) => demand(key, 0, [7, 1000, 0.3][index], 1000, 20 + index));
    for (let round = 0; round < 300; round += 1) {
      const demands = seed
        .filter((_, index) => (round + index) % 4 !== 0)
        .map((each, index) => ({ ...each, cost: ((round * 7 + index * 3) % 11) / 2 }));
      const result = await store.take(demands);
      const levels = demands.map(({ key, limit }) =>
        gcraLevel(states.get(key), limit, result.atMs),
      );
      const { allowed, binding, verdicts } = gcraDecide(demands, levels);
      assert.deepEqual(
        { allowed: result.allowed, binding: result.binding, verdicts: result.verdicts },
        { allowed, binding, verdicts },
      );
      if (!allowed) continue;
      for (const [index, { key, cost }] of demands.entries()) {
        if (cost > 0) states.set(key, { level: (levels[index] ?? 0) + cost, atMs: result.atMs });
      }
    }
  });
}

function messages(check: Check, open: () => Promise<HotStore>): void {
  check(
    "messages reach every subscriber of the channel, in order, and nobody else",
    async (store, tenant) => {
      const channel = hotKey(tenant, "news");
      const other = store.kind === "memory" ? store : await open();
      const seen: Record<"a" | "b" | "c", string[]> = { a: [], b: [], c: [] };
      const into = (name: "a" | "b" | "c") => ({
        onMessage: (message: Buffer) => void seen[name].push(message.toString()),
        onGap: () => assert.fail("no gap"),
      });
      const a = await store.subscribe(channel, into("a"));
      await other.subscribe(channel, into("b"));
      await other.subscribe(`${channel}:other`, into("c"));
      const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`);
      for (const message of sent) await store.publish(channel, message);
      await until(() => seen.a.length === 50 && seen.b.length === 50);
      assert.deepEqual(seen, { a: sent, b: sent, c: [] });
      await a.close();
      await store.publish(channel, Buffer.from("last"));
      await until(() => seen.b.length === 51);
      assert.equal(seen.a.length, 50);
      if (other !== store) await other.close();
    },
  );

  check("a handler that throws harms no other", async (store, tenant) => {
    const channel = hotKey(tenant, "news");
    let seen = 0;
    const onMessage = () => {
      throw new Error("handler");
    };
    await store.subscribe(channel, { onMessage, onGap: () => {} });
    const count = () => {
      seen += 1;
    };
    await store.subscribe(channel, { onMessage: count, onGap: () => {} });
    await store.publish(channel, "x");
    await until(() => seen === 1);
  });
}
