import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "@tandem/libs/telemetry";
import { seededWorld } from "@tandem/libs/testing";
import fc from "fast-check";
import { cacheUse, isCacheable } from "../core/cache/cache-policy.ts";
import { readChatRequest } from "../core/request/chat-request.ts";
import { isProblem } from "../core/request/generation-request.ts";
import { AnswerCache } from "./answer-cache.ts";
import { AnswerMemory } from "./answer-memory.ts";
import { createAnswerSeal } from "./answer-seal.ts";

const place = { organisationId: "org_1", key: "k1" };
const answer = { body: Buffer.from('{"a":1}'), upstream: "ü" };

function bench() {
  const { world, advance } = seededWorld();
  const shared = new Map<string, Buffer>();
  const store = { isReachable: true as boolean, fails: false as boolean, gets: 0, sets: 0 };
  const lines: string[] = [];
  const open = (): AnswerCache =>
    new AnswerCache({
      world,
      log: createLog({ level: "info", fields: {}, write: (line) => lines.push(line) }),
      secret: new Uint8Array(32),
      memoryBytes: 1_000_000,
      ttlMs: 10_000,
      answerBytesMax: 1_000,
      hotStore: {
        get isReachable() {
          return store.isReachable;
        },
        get: (key) => {
          store.gets += 1;
          return store.fails ? Promise.reject(new Error("gone")) : Promise.resolve(shared.get(key));
        },
        setAll: (entries) => {
          store.sets += 1;
          if (store.fails) return Promise.reject(new Error("gone"));
          for (const { key, value } of entries) shared.set(key, Buffer.from(value));
          return Promise.resolve();
        },
      },
    });
  return { open, advance, shared, store, lines };
}

test("an answer is found at once where it was kept, and by other replicas in the shared store", async () => {
  const { open, advance } = bench();
  const here = open();
  here.store(place, answer);
  assert.deepEqual(here.find(place)?.body, answer.body);
  await advance(10);
  const there = open();
  assert.equal(there.find(place), undefined);
  assert.deepEqual((await there.fetch(place))?.body, answer.body);
  assert.deepEqual(there.find(place)?.body, answer.body);
});

test("answers that come together go to the shared store together", async () => {
  const { open, advance, store, shared } = bench();
  const cache = open();
  for (let index = 0; index < 100; index += 1) cache.store({ ...place, key: `k${index}` }, answer);
  await advance(10);
  assert.equal(shared.size, 100);
  assert.equal(store.sets, 2);
});

test("an answer is gone when its time is over, in both places", async () => {
  const { open, advance } = bench();
  const cache = open();
  cache.store(place, answer);
  await advance(10_000);
  assert.equal(cache.find(place), undefined);
  assert.equal(await open().fetch(place), undefined);
});

test("what was changed or moved in the shared store is a miss and an alarm", async () => {
  const { open, advance, shared, lines } = bench();
  open().store(place, answer);
  await advance(10);
  const [name, sealed] = [...shared][0] ?? ["", Buffer.alloc(0)];
  const changed = Buffer.from(sealed);
  changed[changed.length - 2] = 0x39;
  shared.set(name, changed);
  assert.equal(await open().fetch(place), undefined);
  shared.set(name.replace("k1", "k2"), sealed);
  assert.equal(await open().fetch({ ...place, key: "k2" }), undefined);
  shared.set(name, Buffer.from("short"));
  assert.equal(await open().fetch(place), undefined);
  assert.equal(lines.filter((line) => line.includes("cache_poisoned")).length, 3);
});

test("a store that is away holds nothing and breaks nothing", async () => {
  const { open, advance, store } = bench();
  store.fails = true;
  const cache = open();
  cache.store(place, answer);
  await advance(10);
  assert.deepEqual(cache.find(place)?.body, answer.body);
  assert.equal(await open().fetch(place), undefined);
  store.isReachable = false;
  const gets = store.gets;
  assert.equal(await open().fetch(place), undefined);
  assert.equal(store.gets, gets);
});

test("an answer that is too large is not kept", () => {
  const { open } = bench();
  const cache = open();
  cache.store(place, { ...answer, body: Buffer.alloc(1_001) });
  assert.equal(cache.find(place), undefined);
});

test("the memory keeps to its bytes, and to what is asked for", () => {
  const memory = new AnswerMemory(10_000);
  for (let index = 0; index < 100; index += 1) {
    memory.set(`k${index}`, { body: Buffer.alloc(300), storedAtMs: 0, upstream: "" }, 1_000);
    memory.get("k0", 0);
    assert.ok(memory.bytes <= 10_000);
  }
  assert.ok(memory.get("k0", 0) !== undefined);
  assert.equal(memory.get("k50", 0), undefined);
});

test("the memory gives back what was last put there, or nothing, through many laps", () => {
  const put = fc.record({ key: fc.integer({ min: 0, max: 40 }), bytes: fc.nat(900) });
  fc.assert(
    fc.property(fc.array(put, { minLength: 50, maxLength: 300 }), (puts) => {
      const memory = new AnswerMemory(10_000);
      const last = new Map<string, Buffer>();
      for (const [index, { key, bytes }] of puts.entries()) {
        const name = `key ${key}`;
        const body = Buffer.alloc(bytes, index % 251);
        memory.set(name, { body, storedAtMs: index, upstream: "ü" }, 1_000);
        last.set(name, body);
        assert.deepEqual(memory.get(name, 0), { body, storedAtMs: index, upstream: "ü" });
        for (const [known, expected] of last) {
          const found = memory.get(known, 0);
          if (found !== undefined) assert.deepEqual(found.body, expected);
        }
        assert.ok(memory.bytes <= 10_000);
      }
    }),
    { numRuns: 30 },
  );
});

test("a seal opens for its own key and secret only", () => {
  const stored = { ...answer, storedAtMs: 5 };
  const sealed = createAnswerSeal(new Uint8Array(32)).seal("a", stored);
  assert.deepEqual(createAnswerSeal(new Uint8Array(32)).open("a", sealed), stored);
  assert.equal(createAnswerSeal(new Uint8Array(32)).open("b", sealed), undefined);
  assert.equal(createAnswerSeal(new Uint8Array(32).fill(1)).open("a", sealed), undefined);
});

test("only what has one right answer is cached, unless the request says otherwise", () => {
  const use = (part: object, control?: string, isEnabled = true) => {
    const body = { model: "m", messages: [{ role: "user", content: "x" }], ...part };
    const request = readChatRequest(Buffer.from(JSON.stringify(body)));
    assert.ok(!isProblem(request));
    const { mayRead, mayStore } = cacheUse(request, { control, isEnabled });
    return `${mayRead ? "read" : ""} ${mayStore ? "store" : ""}`.trim();
  };
  assert.equal(use({}), "");
  assert.equal(use({ temperature: 0 }), "read store");
  assert.equal(use({}, "cache"), "read store");
  assert.equal(use({ temperature: 0 }, "no-cache"), "store");
  assert.equal(use({ temperature: 0 }, "no-store"), "");
  assert.equal(use({ n: 2 }, "cache"), "");
  assert.equal(use({ temperature: 0 }, undefined, false), "");
  assert.ok(isCacheable("stop") && isCacheable("length"));
  assert.ok(!isCacheable("tool_calls") && !isCacheable("") && !isCacheable("content_filter"));
});
