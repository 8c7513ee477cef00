import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { createTestRedis, redisBinary, type TestRedis } from "../../testing/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { hotStoreSuite } from "./hot-store.suite.ts";
import { type HotStore, hotKey } from "./hot-store.ts";
import { openHotStore } from "./open-hot-store.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
const life = { ttlMs: 60_000 };
const key = hotKey("tenant", "key");
/** Above the command timeout of 250 ms, on a busy machine. */
const boundMs = 600;

async function failure(of: Promise<unknown>): Promise<{ reason: string; tookMs: number }> {
  const startedMs = world.clock.monotonicMs();
  const error = await of.then(
    () => assert.fail("it should fail"),
    (reason: unknown) => reason,
  );
  assert.ok(Fault.is(error), String(error));
  return { reason: error.reason, tookMs: world.clock.monotonicMs() - startedMs };
}

async function backMs(store: HotStore): Promise<number> {
  const startedMs = world.clock.monotonicMs();
  while (
    !(await store.set(key, "v", life).then(
      () => true,
      () => false,
    ))
  )
    await sleep(world, 5);
  return world.clock.monotonicMs() - startedMs;
}

if (redisBinary === undefined) {
  test("redis", { skip: "no redis-server or valkey-server on PATH" }, () => {});
} else {
  // A cluster of one: it refuses scripts whose keys would live on several machines.
  for (const [name, settings] of [
    ["redis", []],
    ["redis cluster", ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"]],
  ] as const) {
    suite(name, settings);
  }
  faults();
  gaps();
}

function suite(name: string, settings: readonly string[]): void {
  let redis: TestRedis;
  before(async () => {
    redis = await createTestRedis(settings);
    await redis.start();
    if (settings.length > 0) await ownAllSlots(redis.url);
  });
  after(() => redis.remove());
  hotStoreSuite(name, () => openHotStore(redis.url, { world, log }));
}

async function ownAllSlots(url: string): Promise<void> {
  const { Redis } = await import("ioredis");
  const client = new Redis(url.replace("redis+unix://", ""));
  await client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
  while (!String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok")) {
    await sleep(world, 20);
  }
  client.disconnect();
}

type Run = (redis: TestRedis, open: () => Promise<HotStore>) => Promise<void>;

function withRedis(guarantee: string, run: Run): void {
  test(`redis: ${guarantee}`, async () => {
    const redis = await createTestRedis();
    const stores: HotStore[] = [];
    try {
      await run(redis, async () => {
        const store = await openHotStore(redis.url, { world, log });
        stores.push(store);
        return store;
      });
    } finally {
      for (const store of stores) await store.close();
      await redis.remove();
    }
  });
}

function faults(): void {
  withRedis(
    "a server that is killed fails operations at once, and is used again when back",
    async (redis, open) => {
      await redis.start();
      const store = await open();
      await store.set(key, "v", life);
      const inFlight = Array.from({ length: 50 }, () => store.increment(hotKey("t", "n"), 1, life));
      void Promise.allSettled(inFlight);
      await redis.signal("SIGKILL");
      for (let round = 0; round < 20; round += 1) {
        const { reason, tookMs } = await failure(store.get(key));
        assert.equal(reason, "store.unavailable");
        assert.ok(tookMs < 100, `${tookMs} ms`);
      }
      assert.equal(store.isReachable, false);
      await redis.start();
      const tookMs = await backMs(store);
      assert.ok(tookMs < 1000, `back after ${tookMs} ms`);
      assert.equal(store.isReachable, true);
      await store.close();
    },
  );

  withRedis(
    "one that is frozen costs one timeout, then fails at once, and thaws without help",
    async (redis, open) => {
      await redis.start();
      const store = await open();
      await store.set(key, "v", life);
      await redis.signal("SIGSTOP");
      const [write, read] = await Promise.all([
        failure(store.increment(hotKey("t", "n"), 1, life)),
        failure(store.get(key)),
      ]);
      assert.equal(write.reason, "store.outcome_unknown");
      assert.equal(read.reason, "store.unavailable");
      assert.ok(write.tookMs < boundMs, `${write.tookMs} ms`);
      const next = await failure(store.get(key));
      assert.ok(next.tookMs < 50, `${next.tookMs} ms`);
      await redis.signal("SIGCONT");
      const tookMs = await backMs(store);
      assert.ok(tookMs < 1000, `back after ${tookMs} ms`);
      await store.close();
    },
  );

  withRedis("a count is never made twice by a reconnect", async (redis, open) => {
    await redis.start();
    const store = await open();
    const counted = hotKey("t", "once");
    await store.increment(counted, 1, life);
    await redis.signal("SIGSTOP");
    const { reason } = await failure(store.increment(counted, 1, life));
    assert.equal(reason, "store.outcome_unknown");
    await redis.signal("SIGCONT");
    await backMs(store);
    // It was in the server's socket when that thawed, so it counted: once.
    assert.equal(await store.increment(counted, 0, life), 2);
  });
}

function gaps(): void {
  withRedis(
    "a store that is away does not hinder opening, and comes by itself",
    async (redis, open) => {
      const store = await open();
      const seen: string[] = [];
      let gaps = 0;
      await store.subscribe("news", {
        onMessage: (message) => seen.push(message.toString()),
        onGap: () => {
          gaps += 1;
        },
      });
      assert.equal((await failure(store.get(key))).reason, "store.unavailable");
      await redis.start();
      assert.ok((await backMs(store)) < 1500);
      while (gaps === 0) await sleep(world, 5);
      await store.publish("news", "hello");
      while (seen.length === 0) await sleep(world, 5);
      assert.deepEqual(seen, ["hello"]);
      await store.close();
      assert.equal((await failure(store.get(key))).reason, "store.closed");
    },
  );

  withRedis(
    "subscribers are told of the gap that a restart made, and hear on",
    async (redis, open) => {
      await redis.start();
      const store = await open();
      const heard: string[] = [];
      await store.subscribe("news", {
        onMessage: (message) => heard.push(message.toString()),
        onGap: () => heard.push("gap"),
      });
      await store.publish("news", "before");
      while (heard.length < 1) await sleep(world, 5);
      await redis.signal("SIGKILL");
      await redis.start();
      while (heard.length < 2) await sleep(world, 5);
      await backMs(store);
      await store.publish("news", "after");
      while (heard.length < 3) await sleep(world, 5);
      assert.deepEqual(heard, ["before", "gap", "after"]);
    },
  );

  withRedis("one without memory refuses with store.full, and reads go on", async (redis, open) => {
    await redis.start();
    const store = await open();
    await store.set(key, "v", life);
    const { Redis } = await import("ioredis");
    const admin = new Redis(redis.url.replace("redis+unix://", ""));
    await admin.config("SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction");
    assert.equal((await failure(store.set(key, "w", life))).reason, "store.full");
    assert.equal((await store.get(key))?.toString(), "v");
    admin.disconnect();
  });
}
