import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { hotKey, openHotStore } from "@tandem/libs/store/hot";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld, sleep } from "@tandem/libs/world";
import { findOnPath } from "../postgres/identity.ts";
import { isAlive } from "../postgres/postmaster-file.ts";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
const life = { ttlMs: 60_000 };
const isInstalled = ["valkey-server", "redis-server"].some((name) => findOnPath(world, name));
const skip = isInstalled ? false : "no redis-server or valkey-server on PATH";
let root = "";

before(async () => {
  root = await mkdtemp(join(tmpdir(), "tandem-redis-"));
});

after(async () => {
  await rm(root, { recursive: true, force: true });
});

async function start(name: string): Promise<PrivateRedis> {
  const directories = { dataDirectory: join(root, name), runDirectory: join(root, `${name}-run`) };
  const redis = await startPrivateRedis({ ...directories, log, world });
  assert.ok(redis !== undefined);
  return redis;
}

test("is undefined where no server is installed", async () => {
  const nowhere = { ...world, environment: { PATH: root } };
  const directories = { dataDirectory: join(root, "none"), runDirectory: root };
  assert.equal(await startPrivateRedis({ ...directories, log, world: nowhere }), undefined);
});

test("keeps its values across a stop and a start, in directories closed to others", {
  skip,
}, async () => {
  const first = await start("kept");
  const store = await openHotStore(first.url, { world, log });
  await store.set(hotKey("t", "a"), "kept", life);
  await store.close();
  await first.stop();
  assert.equal(isAlive(first.pid), false);
  const second = await start("kept");
  assert.equal(second.url, first.url);
  const again = await openHotStore(second.url, { world, log });
  assert.equal((await again.get(hotKey("t", "a")))?.toString(), "kept");
  await again.close();
  assert.equal((await stat(join(root, "kept"))).mode & 0o777, 0o700);
  assert.equal((await stat(join(root, "kept-run", "redis"))).mode & 0o777, 0o700);
  await second.stop();
});

test("is back by itself after kill -9, and so is a store that uses it", { skip }, async () => {
  const redis = await start("killed");
  const store = await openHotStore(redis.url, { world, log });
  await store.set(hotKey("t", "a"), "v", life);
  const exits: string[] = [];
  redis.onExit(({ reason }) => exits.push(reason));
  const { pid } = redis;
  const startedMs = world.clock.monotonicMs();
  process.kill(pid, "SIGKILL");
  for (;;) {
    const written = store.set(hotKey("t", "b"), "w", life);
    if (
      await written.then(
        () => redis.pid !== pid,
        (error: unknown) => !Fault.is(error),
      )
    )
      break;
    await sleep(world, 5);
  }
  const tookMs = world.clock.monotonicMs() - startedMs;
  assert.ok(tookMs < 2000, `back after ${tookMs} ms`);
  assert.deepEqual(exits, ["SIGKILL"]);
  await store.close();
  await redis.stop();
});

test("takes over a server that runs already, and starts it again when that ends", {
  skip,
}, async () => {
  const first = await start("adopted");
  const second = await start("adopted");
  assert.equal(second.pid, first.pid);
  const ended = new Promise((resolve) => second.onExit(resolve));
  await first.stop();
  await ended;
  while (second.pid === first.pid) await sleep(world, 5);
  const store = await openHotStore(second.url, { world, log });
  await store.set(hotKey("t", "a"), "v", life);
  await store.close();
  await second.stop();
  assert.equal(isAlive(second.pid), false);
});
