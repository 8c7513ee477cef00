import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import {
  type Ask,
  type BookServer,
  bookId,
  openBookServer,
  otherId,
  type Shelf,
} from "./book-server.suite.ts";

let books: BookServer;
let shelf: Shelf;

before(async () => {
  books = await openBookServer();
  ({ shelf } = books);
});

after(() => books.close());

beforeEach(() => books.reset());

const ask = (given?: Ask) => books.ask(given);

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
    assert.ok(books.lines.some((line) => line.includes("hunter2") && line.includes("TypeError")));
  });

  test("a refusal between our own parts is never told as bad credentials", async () => {
    shelf.trouble = () =>
      Promise.reject(
        new Fault({ code: "unauthenticated", reason: "rpc.passport_refused", publicMessage: "x" }),
      );
    assert.equal((await ask({ method: "POST", body: { title: "x" } })).status, 500);
  });
});
