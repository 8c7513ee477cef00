import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import type { HotStore } from "../../store/hot/index.ts";
import { seededWorld } from "../../testing/index.ts";
import { realWorld } from "../../world/index.ts";
import { type Ask, type BookServer, openBookServer, type Shelf } from "./book-server.suite.ts";
import { createIdempotency } from "./idempotency.ts";

const world = realWorld();

let books: BookServer;
let shelf: Shelf;

before(async () => {
  books = await openBookServer();
  ({ shelf } = books);
});

after(() => books.close());

beforeEach(() => books.reset());

const ask = (given?: Ask) => books.ask(given);

describe("idempotency", () => {
  const post = (key: string, more: Ask = {}): Ask => ({
    method: "POST",
    body: { title: "Emma", pages: 3 },
    ...more,
    headers: { "idempotency-key": key, ...more.headers },
  });

  test("the same key and request give the same answer and one effect", async () => {
    const first = await ask(post("a"));
    const second = await ask(post("a", { body: { pages: 3, title: "Emma" } }));
    assert.equal(second.status, 201);
    assert.equal(second.text, first.text);
    assert.equal(second.headers["idempotent-replayed"], "true");
    assert.equal(shelf.created, 1);
  });

  test("the same key with another request is 422; another caller's key is another key", async () => {
    await ask(post("b"));
    assert.equal((await ask(post("b", { body: { title: "Persuasion" } }))).status, 422);
    assert.equal((await ask(post("b", { who: "other" }))).status, 201);
    assert.equal(shelf.created, 2);
  });

  test("while the first is under way the second is 409 with a time to come back", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered = (): void => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    shelf.trouble = async () => {
      entered();
      await gate;
      return undefined as never;
    };
    const first = ask(post("c"));
    await inside;
    const second = await ask(post("c"));
    assert.equal(second.status, 409);
    assert.equal(second.headers["retry-after"], "1");
    release();
    assert.equal((await first).status, 201);
    assert.equal((await ask(post("c"))).headers["idempotent-replayed"], "true");
  });

  test("a gateway killed in the middle frees the key within seconds, one at work keeps it", async () => {
    const seeded = seededWorld();
    const locks: [key: string, ttlMs: number][] = [];
    const store = {
      get: async () => undefined,
      deleteIfEqual: async () => true,
      setIfAbsent: async (key: string, _value: unknown, { ttlMs }: { ttlMs: number }) => {
        locks.push([key, ttlMs]);
        return true;
      },
      set: async (key: string, _value: unknown, { ttlMs }: { ttlMs: number }) => {
        locks.push([key, ttlMs]);
      },
    };
    const secret = new Uint8Array(32);
    const idempotency = createIdempotency({ store, secret, world: seeded.world });
    const run = await idempotency.begin({
      key: "k",
      organisationId: "org_a",
      actor: "key_1",
      method: "POST",
      target: "/x",
      canonicalBody: "{}",
    });
    assert.ok("complete" in run);
    await seeded.advance(5_000);
    assert.ok(locks.length >= 8, "renewed well before it runs out");
    assert.ok(locks.every(([, ttlMs]) => ttlMs <= 2_000));
    await run.complete({ status: 201, headers: [], body: "" });
    assert.equal(seeded.pendingTimers, 0);
    assert.equal(locks.at(-1)?.[1], 24 * 3_600_000);
  });

  test("100 parallel calls with one key have one effect", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(post("d"))));
    assert.equal(shelf.created, 1);
    for (const { status } of answers) assert.ok(status === 201 || status === 409, String(status));
  });

  test("a request that was refused or failed keeps nothing: it can be corrected", async () => {
    assert.equal((await ask(post("e", { body: { title: "" } }))).status, 400);
    shelf.trouble = () =>
      Promise.reject(new Fault({ code: "unavailable", reason: "x.away", publicMessage: "" }));
    assert.equal((await ask(post("e"))).status, 503);
    shelf.trouble = undefined;
    assert.equal((await ask(post("e"))).status, 201);
  });

  test("with the store away the work is done, and the answer says what it lacks", async () => {
    books.storeIsAway = true;
    const answer = await ask(post("f"));
    assert.equal(answer.status, 201);
    assert.equal(answer.headers["x-tandem-degraded"], "idempotency");
  });

  test("the store alone gives no answer away", async () => {
    await ask(post("g"));
    const seen: string[] = [];
    const spy = {
      ...books.hotStore,
      setIfAbsent: async (key: string, value: Uint8Array | string) => {
        seen.push(key, String(value));
        return true;
      },
      set: async (key: string, value: Uint8Array | string) => {
        seen.push(key, String(value));
      },
    } as HotStore;
    const idempotency = createIdempotency({ store: spy, secret: new Uint8Array(32), world });
    const begun = await idempotency.begin({
      key: "my-key",
      organisationId: "org_a",
      actor: "key_1",
      method: "POST",
      target: "/x",
      canonicalBody: '{"password":"hunter2"}',
    });
    assert.ok("complete" in begun);
    await begun.complete({ status: 201, headers: [], body: "sk-tdm-secret" });
    assert.doesNotMatch(seen.join("\n"), /my-key|hunter2|sk-tdm/);
  });

  test("a key of the wrong form is 400", async () => {
    for (const key of ["", "x".repeat(256), "a b"]) {
      assert.equal((await ask(post(key))).status, 400, key);
    }
  });
});

describe("a service that is away", () => {
  const away = (): Promise<never> =>
    Promise.reject(
      new Fault({ code: "unavailable", reason: "rpc.unavailable", publicMessage: "" }),
    );

  test("the last good answer stands in, marked, with its age; others get nothing of it", async () => {
    const fresh = await ask({ path: "/api/v1/books?limit=7" });
    shelf.trouble = away;
    const stale = await ask({ path: "/api/v1/books?limit=7", who: "reader" });
    assert.equal(stale.status, 200);
    assert.equal(stale.headers["x-tandem-degraded"], "stale");
    assert.equal(stale.headers.age, "0");
    assert.deepEqual(stale.json, { ...(fresh.json as object), degraded: ["stale"] });
    assert.equal((await ask({ path: "/api/v1/books?limit=7", who: "other" })).status, 503);
    assert.equal((await ask({ path: "/api/v1/books?limit=7", who: "stranger" })).status, 403);
    assert.equal((await ask({ path: "/api/v1/books?limit=8" })).status, 503);
  });

  test("a service that hangs is not waited for when a copy is there", async () => {
    await ask({ path: "/api/v1/books?limit=9" });
    shelf.trouble = () => new Promise(() => undefined);
    const answer = await ask({ path: "/api/v1/books?limit=9" });
    assert.equal(answer.headers["x-tandem-degraded"], "stale");
  });

  test("a change is 503 at once", async () => {
    shelf.trouble = away;
    const startedMs = performance.now();
    assert.equal((await ask({ method: "POST", body: { title: "x" } })).status, 503);
    assert.ok(performance.now() - startedMs < 100);
  });
});
