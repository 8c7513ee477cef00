import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { after, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { hotStoreSuite } from "./hot-store.suite.ts";
import { hotKey } from "./hot-store.ts";
import { LmdbHotStore } from "./lmdb-hot-store.ts";
import { openHotStore } from "./open-hot-store.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
const life = { ttlMs: 600_000 };
const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "tandem-lmdb-"));
after(() => rmSync(root, { recursive: true, force: true }));

hotStoreSuite("lmdb", () => openHotStore(`lmdb:${root}/suite`, { world, log }));

type Child = ChildProcessByStdio<null, Readable, null>;

function startProcess(directory: string, task: string, key: string): Child {
  const script = join(import.meta.dirname, "hot-process.fixture.ts");
  return spawn(process.execPath, [script, `lmdb:${directory}`, task, key], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function linesOf(child: Child, each: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: child.stdout })) each(line);
}

test("lmdb: processes killed again and again lose no count, and hold nobody up", async () => {
  const directory = join(root, "killed");
  const key = hotKey("t", "count");
  const store = await openHotStore(`lmdb:${directory}`, { world, log });
  let printed = 0;
  let killed = 0;
  let slowestMs = 0;
  const run = async (): Promise<void> => {
    for (let round = 0; round < 3; round += 1) {
      const child = startProcess(directory, "count", key);
      const goal = printed + 100 + round * 50;
      await linesOf(child, () => {
        printed += 1;
        if (printed > goal) child.kill("SIGKILL");
      });
      killed += 1;
    }
  };
  const running = Promise.all([run(), run()]).then(() => "done");
  let own = 0;
  while ((await Promise.race([running, sleep(world, 1)])) !== "done") {
    const startedMs = world.clock.monotonicMs();
    await store.increment(key, 1, life);
    own += 1;
    slowestMs = Math.max(slowestMs, world.clock.monotonicMs() - startedMs);
  }
  const total = await store.increment(key, 0, life);
  assert.ok(total >= printed + own, `${total} of ${printed + own}`);
  // Each may have been killed between its count and its line.
  assert.ok(total <= printed + own + killed, `${total} of ${printed + own}`);
  assert.ok(slowestMs < 2000, `${slowestMs} ms`);
  await store.close();
});

test("lmdb: processes share a limit exactly", async () => {
  const directory = join(root, "shared");
  const children = ["a", "b", "c"].map(() => startProcess(directory, "take", hotKey("t", "limit")));
  const taken: number[] = [];
  await Promise.all(children.map((child) => linesOf(child, (line) => taken.push(Number(line)))));
  const sum = taken.reduce((total, each) => total + each, 0);
  // 1000 an hour: one more comes back each 3.6 s.
  assert.ok(sum >= 1000 && sum <= 1003, `${taken} are ${sum}`);
});

test("lmdb: messages reach other processes, all and in order", async () => {
  const directory = join(root, "bus");
  const channel = hotKey("t", "news");
  const child = startProcess(directory, "listen", channel);
  const store = await openHotStore(`lmdb:${directory}`, { world, log });
  const sent = [...Array.from({ length: 500 }, (_, index) => `message ${index}`), "end"];
  const heard: string[] = [];
  const ended = once(child, "exit");
  await linesOf(child, (line) => {
    heard.push(line);
    if (line !== "listening") return;
    void (async () => {
      for (const message of sent) await store.publish(channel, message);
    })();
  });
  await ended;
  assert.deepEqual(heard, ["listening", ...sent]);
  await store.close();
});

test("lmdb: beyond its bound the values due soonest give way, counts and limits stay", async () => {
  const bytesMax = 4 * 1024 * 1024;
  const store = new LmdbHotStore(join(root, "bound"), { world, log, bytesMax });
  const count = hotKey("t", "count");
  await store.increment(count, 7, { ttlMs: 5000 });
  const value = Buffer.alloc(20_000, "v");
  for (let index = 0; index < 1000; index += 1) {
    await store.set(hotKey("t", `${index}`), value, { ttlMs: 100_000 + index * 2000 });
  }
  assert.equal(await store.get(hotKey("t", "0")), undefined);
  assert.ok((await store.get(hotKey("t", "999")))?.equals(value));
  assert.equal((await store.get(count))?.toString(), "7");
  await store.close();
});

test("lmdb: full of what cannot give way, it refuses values and goes on counting", async () => {
  const bytesMax = 2 * 1024 * 1024;
  const store = new LmdbHotStore(join(root, "full"), { world, log, bytesMax });
  for (let index = 0; index < 300; index += 1) {
    await store.setIfAbsent(hotKey("lock", `${index}`), Buffer.alloc(10_000), life);
  }
  let refused: unknown;
  for (let index = 0; refused === undefined && index < 300; index += 1) {
    const set = store.set(hotKey("t", `${index}`), Buffer.alloc(20_000), life);
    refused = await set.then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  assert.ok(isFault(refused, "store.full"));
  assert.equal(await store.increment(hotKey("t", "count"), 1, life), 1);
  await store.deletePrefix(hotKey("lock"));
  await store.set(hotKey("t", "again"), "v", life);
  await store.close();
});

test("lmdb: what is due is removed and not only hidden", async () => {
  const directory = join(root, "sweep");
  const store = await openHotStore(`lmdb:${directory}`, { world, log });
  for (let index = 0; index < 600; index += 1) {
    await store.set(hotKey("t", `${index}`), "v", { ttlMs: 1 + (index % 50) });
  }
  await store.set(hotKey("t", "kept"), "v", life);
  const { openLmdbFile } = await import("./lmdb-file.ts");
  const { file, close } = openLmdbFile(directory, { bytesMax: 1, log });
  const giveUpAtMs = world.clock.monotonicMs() + 8000;
  const remaining = () => {
    file.root.resetReadTxn();
    return [file.entries, file.due].map((database) => database.getCount()).join();
  };
  while (remaining() !== "1,1" && world.clock.monotonicMs() < giveUpAtMs) await sleep(world, 20);
  assert.equal(remaining(), "1,1");
  await close();
  await store.close();
});

for (const [kind, content] of [
  ["overwritten", Buffer.alloc(20_000, 7)],
  ["half-made", Buffer.alloc(4096)],
  ["empty", Buffer.alloc(0)],
] as const) {
  test(`lmdb: an ${kind} file, and those of earlier boots, hinder nobody`, async () => {
    const directory = join(root, kind);
    const first = await openHotStore(`lmdb:${directory}`, { world, log });
    await first.set("key", "v", life);
    await first.close();
    const name = readdirSync(directory).find((entry) => entry.endsWith(".mdb")) ?? "";
    writeFileSync(join(directory, name), content);
    writeFileSync(join(directory, "hot-00000000-1.mdb"), "old");
    const second = await openHotStore(`lmdb:${directory}`, { world, log });
    const third = await openHotStore(`lmdb:${directory}`, { world, log });
    assert.equal(await second.get("key"), undefined);
    await second.set("key", "w", life);
    await second.close();
    await assert.rejects(second.get("key"), (error) => isFault(error, "store.closed"));
    assert.equal((await third.get("key"))?.toString(), "w");
    assert.ok(!readdirSync(directory).includes("hot-00000000-1.mdb"));
    await third.close();
  });
}

function isFault(error: unknown, reason: string): boolean {
  return Fault.is(error) && error.reason === reason;
}
