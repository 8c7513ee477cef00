import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { type BookServer, openBookServer } from "./book-server.suite.ts";

let books: BookServer;

before(async () => {
  books = await openBookServer();
});
after(() => books.close());
beforeEach(() => books.reset());

const path = "/api/v1/books-file";
const away = () => new Fault({ code: "unavailable", reason: "books.away", publicMessage: "away" });

test("a file comes whole, under its name, without a length that somebody had to know", async () => {
  books.shelf.pieces = async function* pieces() {
    for (let piece = 0; piece < 100; piece += 1) yield `${piece},${"x".repeat(10_000)}\n`;
  };
  const answer = await books.ask({ path });
  assert.equal(answer.status, 200);
  assert.equal(answer.text.split("\n").length, 101);
  assert.equal(answer.headers["content-type"], "text/csv");
  assert.match(String(answer.headers["content-disposition"]), /filename="books_of_today.csv"/);
  assert.equal(answer.headers["content-length"], undefined);
  const head = await books.ask({ path, method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal((await books.ask({ path, who: "stranger" })).status, 403);
});

test("what cannot be begun is refused like everything else", async () => {
  // biome-ignore lint/correctness/useYield: it fails before there is anything to give.
  books.shelf.pieces = async function* pieces(): AsyncGenerator<string> {
    throw away();
  };
  const answer = await books.ask({ path });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["content-type"], "application/problem+json");
});

test("a file that breaks in the middle never looks whole, and is told in the log", async () => {
  books.shelf.pieces = async function* pieces() {
    yield "one\n";
    throw away();
  };
  await assert.rejects(books.ask({ path }));
  const line = books.lines.map((text) => JSON.parse(text)).at(-1);
  assert.deepEqual([line.reason, line.level], ["books.away", "error"]);
});

test("a client that is slow holds the making up, and one that leaves ends it", async () => {
  let made = 0;
  let ended = false;
  books.shelf.pieces = async function* pieces() {
    try {
      for (;;) {
        made += 1;
        yield "x".repeat(100_000);
      }
    } finally {
      ended = true;
    }
  };
  const world = realWorld();
  const until = async (what: () => boolean): Promise<void> => {
    for (let look = 0; look < 1_000 && !what(); look += 1) await sleep(world, 10);
    assert.ok(what());
  };
  const { port } = new URL(books.address.replace("tcp:", "http://"));
  const request = get({ port, path, headers: { "x-who": "all" } });
  const response = await new Promise<import("node:http").IncomingMessage>((resolve) => {
    request.once("response", resolve);
  });
  response.pause();
  let before = -1;
  await until(() => {
    const isStill = made === before;
    before = made;
    return isStill;
  });
  assert.ok(made < 1_000, "it waits for the client");
  request.destroy();
  await until(() => ended);
});
