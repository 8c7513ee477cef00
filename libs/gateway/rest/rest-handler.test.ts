import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { z } from "zod";
import { createHttpServer, type HttpServer } from "../../http/index.ts";
import { Fault } from "../../kernel/index.ts";
import { type HotStore, openHotStore } from "../../store/index.ts";
import { createLog, createMetrics } from "../../telemetry/index.ts";
import { httpRequest } from "../../testing/index.ts";
import { realWorld } from "../../world/index.ts";
import { type Caller, nobody } from "./caller.ts";
import { idField, lineField } from "./fields.ts";
import { createIdempotency } from "./idempotency.ts";
import { pageOf, pageQuery, pageReply } from "./page.ts";
import { createRestHandler } from "./rest-handler.ts";
import { type Route, routesOf } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import { createStaleAnswers } from "./stale-answers.ts";

interface Shelf {
  books: Map<string, string>;
  created: number;
  /** What the next handler does instead of its work. */
  trouble: (() => Promise<never>) | undefined;
}

const bookId = `prj_${"0".repeat(26)}`;
const otherId = `prj_${"1".repeat(26)}`;
const route = routesOf<Shelf>();
const book = z.object({ id: idField("prj"), title: z.string() });
const place = z.strictObject({ book_id: idField("prj") });

const routes: readonly Route<Shelf>[] = [
  route({
    method: "GET",
    path: "/api/v1/books",
    operationId: "listBooks",
    summary: "Lists books.",
    tag: "Books",
    access: { permission: "books:read" },
    query: pageQuery,
    reply: pageOf(book),
    stale: "organisation",
    async handle({ target, query }, shelf) {
      await shelf.trouble?.();
      const items = [...shelf.books].map(([id, title]) => ({ id, title }));
      return pageReply({
        items: items.slice(0, query.limit),
        hasMore: items.length > query.limit,
        cursorOf: ({ id }) => id,
        target,
      });
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/books",
    operationId: "createBook",
    summary: "Creates a book.",
    tag: "Books",
    access: { permission: "books:write" },
    body: z.strictObject({ title: lineField({ max: 20 }), pages: z.int().min(1).optional() }),
    reply: book,
    status: 201,
    async handle({ body }, shelf) {
      await shelf.trouble?.();
      shelf.created += 1;
      return { body: { id: bookId, title: `${body.title} ${shelf.created}`, secret: "never" } };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/v1/books/:book_id",
    operationId: "updateBook",
    summary: "Changes a book.",
    tag: "Books",
    access: { permission: "books:write", visibleWith: "books:read" },
    params: place,
    body: z.strictObject({ title: lineField({ max: 20 }) }),
    reply: book,
    needsIfMatch: true,
    async handle({ params, body, expectedVersion }, shelf) {
      if (!shelf.books.has(params.book_id)) {
        throw new Fault({ code: "not_found", reason: "books.gone", publicMessage: "No book." });
      }
      return { body: { id: params.book_id, title: body.title }, version: expectedVersion + 1n };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/books/:book_id",
    operationId: "deleteBook",
    summary: "Deletes a book.",
    tag: "Books",
    access: { permission: "books:write", visibleWith: "books:read" },
    params: place,
    handle: async () => ({}),
  }),
];

function callerWith(permissions: readonly string[], organisation = "org_a"): Caller {
  return {
    ...nobody,
    claims: { ...nobody.claims, organisationId: organisation, keyId: "key_1" },
    permissions: new Set(permissions),
    actor: "key_1",
    via: "key",
  };
}

const callers: Readonly<Record<string, Caller>> = {
  all: callerWith(["books:read", "books:write"]),
  other: callerWith(["books:read", "books:write"], "org_b"),
  reader: callerWith(["books:read"]),
  stranger: callerWith([]),
  cached: { ...callerWith(["books:read", "books:write"]), isDegraded: true },
};

const world = realWorld();
const lines: string[] = [];
const log = createLog({ level: "info", fields: {}, write: (line) => lines.push(line) });
let shelf: Shelf;
let hotStore: HotStore;
let server: HttpServer;
let storeIsAway = false;

before(async () => {
  hotStore = await openHotStore("memory:", { world, log });
  const away = (): Promise<never> =>
    Promise.reject(
      new Fault({ code: "unavailable", reason: "store.unavailable", publicMessage: "" }),
    );
  const store = {
    get: (key: string) => (storeIsAway ? away() : hotStore.get(key)),
    set: (...given: Parameters<HotStore["set"]>) => (storeIsAway ? away() : hotStore.set(...given)),
    setIfAbsent: (...given: Parameters<HotStore["setIfAbsent"]>) =>
      storeIsAway ? away() : hotStore.setIfAbsent(...given),
    deleteIfEqual: (...given: Parameters<HotStore["deleteIfEqual"]>) =>
      storeIsAway ? away() : hotStore.deleteIfEqual(...given),
  };
  const services: Shelf = {
    get books() {
      return shelf.books;
    },
    get created() {
      return shelf.created;
    },
    set created(value) {
      shelf.created = value;
    },
    get trouble() {
      return shelf.trouble;
    },
  } as Shelf;
  server = createHttpServer({
    world,
    log,
    onExchange: createRestHandler({
      table: createRouteTable(routes),
      services,
      authenticate: async ({ exchange }) => callers[exchange.head.headers.get("x-who") ?? ""],
      idempotency: createIdempotency({ store, secret: new Uint8Array(32), world }),
      stale: createStaleAnswers({
        bytesMax: 100_000,
        ageMsMax: 60_000,
        monotonicMs: world.clock.monotonicMs,
      }),
      world,
      log,
      metrics: createMetrics(),
      component: "access",
      deadlineMs: 10_000,
      staleAfterMs: 50,
    }),
  });
  await server.listen("tcp:127.0.0.1:0");
});

after(async () => {
  await server.close({ deadlineMs: 1000 });
  await hotStore.close();
});

beforeEach(() => {
  shelf = { books: new Map([[bookId, "Emma"]]), created: 0, trouble: undefined };
  storeIsAway = false;
});

interface Ask {
  readonly who?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Buffer;
}

function ask({ who = "all", path = "/api/v1/books", headers = {}, ...rest }: Ask = {}) {
  return httpRequest(server.address, { path, headers: { "x-who": who, ...headers }, ...rest });
}

function typeOf(answer: { readonly json: unknown }): unknown {
  return (answer.json as Record<string, unknown>)["type"];
}

describe("places", () => {
  test("an unknown path is 404, an unknown method 405 with those that are known", async () => {
    const lost = await ask({ path: "/api/v1/nothing" });
    assert.equal(lost.status, 404);
    assert.equal(typeOf(lost), "/errors/rest.no_such_route");
    assert.equal(lost.headers["content-type"], "application/problem+json");
    const wrong = await ask({ method: "PUT" });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.allow, "GET, POST, HEAD, OPTIONS");
    assert.equal((await ask({ method: "OPTIONS" })).status, 204);
    assert.equal((await ask({ path: "/api/v1/books/%zz" })).status, 404);
  });

  test("HEAD answers like GET without the body", async () => {
    const head = await ask({ method: "HEAD" });
    const get = await ask();
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
    assert.equal(head.headers.etag, get.headers.etag);
  });
});

describe("callers", () => {
  test("no credentials are 401, a missing permission 403", async () => {
    assert.equal((await ask({ who: "" })).status, 401);
    const refused = await ask({ who: "reader", method: "POST", body: { title: "x" } });
    assert.equal(refused.status, 403);
    assert.equal(typeOf(refused), "/errors/rest.permission_missing");
  });

  test("a thing one may not know of and a thing that is not there answer alike", async () => {
    const patch = { method: "PATCH", headers: { "if-match": "*" }, body: { title: "x" } };
    const strip = (text: string): string => text.replace(/req_\w+/, "");
    const hidden = await ask({ ...patch, who: "stranger", path: `/api/v1/books/${bookId}` });
    const missing = await ask({ ...patch, path: `/api/v1/books/${otherId}` });
    const malformed = await ask({ ...patch, path: "/api/v1/books/42" });
    assert.equal(hidden.status, 404);
    assert.equal(strip(missing.text), strip(hidden.text));
    assert.equal(strip(malformed.text), strip(hidden.text));
    assert.equal(
      (await ask({ ...patch, who: "reader", path: `/api/v1/books/${bookId}` })).status,
      403,
    );
  });

  test("a caller verified from a copy is told so in header and body", async () => {
    const answer = await ask({ who: "cached" });
    assert.equal(answer.headers["x-tandem-degraded"], "identity");
    assert.deepEqual((answer.json as Record<string, unknown>)["degraded"], ["identity"]);
  });
});

describe("input", () => {
  test("every wrong field is named at once", async () => {
    const answer = await ask({ method: "POST", body: { title: "", pages: -1, more: true } });
    assert.equal(answer.status, 400);
    const { errors } = answer.json as { errors: { field: string }[] };
    assert.deepEqual(
      new Set(errors.map(({ field }) => field)),
      new Set(["title", "pages", "(whole)"]),
    );
  });

  test("a body over the limit is 413, one of another kind 415, one that is no JSON 400", async () => {
    const big = { title: "x".repeat(70_000) };
    assert.equal((await ask({ method: "POST", body: big })).status, 413);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    assert.equal((await ask({ method: "POST", body: "title=x", headers: form })).status, 415);
    const json = { "content-type": "application/json" };
    assert.equal((await ask({ method: "POST", body: '{"title":', headers: json })).status, 400);
    const packed = { ...json, "content-encoding": "gzip" };
    assert.equal((await ask({ method: "POST", body: "{}", headers: packed })).status, 415);
  });

  test("a query parameter that is unknown, twice or out of range is refused", async () => {
    for (const query of [
      "x=1",
      "limit=1&limit=2",
      "limit=0",
      "limit=101",
      "limit=1e1",
      "after=%00",
    ]) {
      assert.equal((await ask({ path: `/api/v1/books?${query}` })).status, 400, query);
    }
  });

  test("`__proto__` in a query reaches no prototype", async () => {
    assert.equal((await ask({ path: "/api/v1/books?__proto__=1" })).status, 400);
  });
});

describe("answers", () => {
  test("a field that the contract does not list never goes out", async () => {
    const answer = await ask({ method: "POST", body: { title: "Emma" } });
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.json, { id: bookId, title: "Emma 1" });
  });

  test("a page says where the next one begins", async () => {
    shelf.books.set(otherId, "Persuasion");
    const answer = await ask({ path: "/api/v1/books?limit=1" });
    assert.deepEqual(answer.json, {
      data: [{ id: bookId, title: "Emma" }],
      has_more: true,
      first_id: bookId,
      last_id: bookId,
    });
    assert.equal(answer.headers["link"], `</api/v1/books?limit=1&after=${bookId}>; rel="next"`);
  });

  test("an unchanged answer is 304", async () => {
    const { etag = "" } = (await ask()).headers;
    const again = await ask({ headers: { "if-none-match": `"x", W/${etag}` } });
    assert.equal(again.status, 304);
    assert.equal(again.text, "");
    shelf.books.set(otherId, "Persuasion");
    assert.equal((await ask({ headers: { "if-none-match": etag } })).status, 200);
  });

  test("a change needs the version it was made from", async () => {
    const change = { method: "PATCH", path: `/api/v1/books/${bookId}`, body: { title: "x" } };
    assert.equal((await ask(change)).status, 428);
    const done = await ask({ ...change, headers: { "if-match": '"7"' } });
    assert.equal(done.status, 200);
    assert.equal(done.headers.etag, '"8"');
    for (const tag of ['W/"7"', '"abc"', "7", '"0"', '"7", "8"', ""]) {
      assert.equal((await ask({ ...change, headers: { "if-match": tag } })).status, 412, tag);
    }
  });

  test("the router's request id goes through, an invented one does not", async () => {
    const id = `req_${"0".repeat(26)}`;
    assert.equal((await ask({ headers: { "x-request-id": id } })).headers["x-request-id"], id);
    const own = (await ask({ headers: { "x-request-id": "evil" } })).headers["x-request-id"];
    assert.match(String(own), /^req_/);
  });

  test("a mistake of ours is 500 without its particulars", async () => {
    shelf.trouble = () => Promise.reject(new TypeError("password=hunter2"));
    const answer = await ask({ method: "POST", body: { title: "x" } });
    assert.equal(answer.status, 500);
    assert.ok(!answer.text.includes("hunter2"));
    assert.ok(lines.some((line) => line.includes("hunter2") && line.includes("TypeError")));
  });

  test("a refusal between our own parts is never told as bad credentials", async () => {
    shelf.trouble = () =>
      Promise.reject(
        new Fault({ code: "unauthenticated", reason: "rpc.passport_refused", publicMessage: "x" }),
      );
    assert.equal((await ask({ method: "POST", body: { title: "x" } })).status, 500);
  });
});

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
    storeIsAway = true;
    const answer = await ask(post("f"));
    assert.equal(answer.status, 201);
    assert.equal(answer.headers["x-tandem-degraded"], "idempotency");
  });

  test("the store alone gives no answer away", async () => {
    await ask(post("g"));
    const seen: string[] = [];
    const spy = {
      ...hotStore,
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
