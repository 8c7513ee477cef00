/** The access gateway's own fallback: what it answers while services or stores are gone. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let key: string;
let projectPath: string;

before(async () => {
  house = await openAccessHouse({ identityOutageMs: "4s", identityGoneMs: "6s" });
  const made = await setUp(house);
  key = made.adminKey;
  projectPath = `/api/v1/projects/${made.projectId}`;
});

after(() => house.close());

const reads = (): readonly string[] => [
  "/api/v1/me",
  "/api/v1/projects",
  projectPath,
  "/api/v1/members",
];

/** The answer, and how long it took in milliseconds. */
async function timed(ask: Ask) {
  const startedMs = performance.now();
  const answer = await house.ask(ask);
  return { answer, tookMs: performance.now() - startedMs };
}

describe("with the users service gone", () => {
  before(async () => {
    for (const path of reads()) await house.expect(200, { path, key });
    await house.stop("users");
  });
  after(() => house.restart("users"));

  test("reads come from the last copy, marked and with their age, within 100 ms", async () => {
    for (const path of reads()) {
      await house.ask({ path, key });
      const { answer, tookMs } = await timed({ path, key });
      assert.equal(answer.status, 200, `${path} ${answer.text}`);
      assert.equal(answer.headers["x-tandem-degraded"], "stale");
      assert.match(String(answer.headers.age), /^\d+$/);
      assert.deepEqual((answer.json as Record<string, unknown>)["degraded"], ["stale"]);
      assert.ok(tookMs < 100, `${path} took ${tookMs} ms`);
    }
  });

  test("changes are refused at once, and what was never read cannot be answered", async () => {
    const create = { method: "POST", path: "/api/v1/projects", key, body: { name: "x" } };
    const { answer, tookMs } = await timed(create);
    assert.equal(answer.status, 503);
    assert.ok(tookMs < 100, `took ${tookMs} ms`);
    assert.equal((await house.ask({ path: "/api/v1/projects?limit=3", key })).status, 503);
  });

  test("keys, money and limits go on as before, unmarked", async () => {
    for (const path of ["/api/v1/keys", "/api/v1/wallet", "/api/v1/limits"]) {
      const answer = await house.ask({ path, key });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers["x-tandem-degraded"], undefined);
    }
  });
});

describe("with the users service hanging", () => {
  before(async () => {
    for (const path of reads()) await house.expect(200, { path, key });
    await house.hang("users");
  });
  after(() => house.restart("users"));

  test("the first read waits its second, those after it are answered at once, all marked", async () => {
    for (const path of reads()) {
      const first = await timed({ path, key });
      assert.equal(first.answer.headers["x-tandem-degraded"], "stale", path);
      assert.ok(first.tookMs < 3_000, `${path} took ${first.tookMs} ms`);
      const { answer, tookMs } = await timed({ path, key });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["x-tandem-degraded"], "stale");
      // A hundred milliseconds is the promise; the rest is for a busy machine.
      assert.ok(tookMs < 250, `${path} took ${tookMs} ms`);
    }
  });

  test("keys and money go on as before, unmarked", async () => {
    for (const path of ["/api/v1/keys", "/api/v1/wallet"]) {
      const answer = await house.ask({ path, key });
      assert.deepEqual([answer.status, answer.headers["x-tandem-degraded"]], [200, undefined]);
    }
  });
});

describe("with the quota service hanging", () => {
  before(() => house.hang("quota"));
  after(() => house.restart("quota"));

  test("money is told as unavailable within the deadline, and nothing else waits for it", async () => {
    const wallet = timed({ path: "/api/v1/wallet", key });
    for (const path of reads()) {
      const { answer, tookMs } = await timed({ path, key });
      assert.deepEqual([answer.status, answer.headers["x-tandem-degraded"]], [200, undefined]);
      assert.ok(tookMs < 1_000, `${path} took ${tookMs} ms`);
    }
    const { answer, tookMs } = await wallet;
    assert.ok([503, 504].includes(answer.status), answer.text);
    assert.ok(tookMs < 13_000, `took ${tookMs} ms`);
  });
});

describe("with the auth service hanging", () => {
  before(async () => {
    await house.expect(200, { path: "/api/v1/me", key });
    await house.hang("auth");
  });
  after(async () => {
    await house.restart("auth");
    const deadline = Date.now() + 15_000;
    for (;;) {
      const answer = await house.ask({ path: "/api/v1/projects", key });
      if (answer.status === 200 && answer.headers["x-tandem-degraded"] === undefined) return;
      assert.ok(Date.now() < deadline);
      await pause(50);
    }
  });

  test("a known caller is let in without waiting; an unknown one gets 503, never 401", async () => {
    const { answer, tookMs } = await timed({ path: "/api/v1/projects", key });
    assert.equal(answer.status, 200);
    assert.ok(tookMs < 250, `took ${tookMs} ms`);
    const { formApiKey } = await import("@tandem/libs/gateway");
    const stranger = formApiKey("live", (length) => new Uint8Array(length).fill(9));
    const unknown = await timed({ path: "/api/v1/projects", key: stranger });
    assert.equal(unknown.answer.status, 503);
    assert.ok(unknown.tookMs < 5_000, `took ${unknown.tookMs} ms`);
  });
});

describe("with the quota service gone", () => {
  before(async () => {
    await house.expect(200, { path: "/api/v1/wallet", key });
    await house.stop("quota");
  });
  after(() => house.restart("quota"));

  test("money is never answered from a copy", async () => {
    const { answer, tookMs } = await timed({ path: "/api/v1/wallet", key });
    assert.equal(answer.status, 503);
    assert.ok(tookMs < 100, `took ${tookMs} ms`);
    assert.equal((await house.ask({ path: "/api/v1/projects", key })).status, 200);
  });
});

describe("with the auth service gone", () => {
  before(async () => {
    await house.expect(200, { path: "/api/v1/me", key });
    await house.stop("auth");
  });

  test("known callers pass, after a moment marked; unknown ones get 503 and never 401", async () => {
    const deadline = Date.now() + 10_000;
    let marks: unknown;
    while (marks === undefined) {
      const answer = await house.ask({ path: "/api/v1/projects", key });
      assert.equal(answer.status, 200);
      marks = answer.headers["x-tandem-degraded"];
      assert.ok(Date.now() < deadline);
      await pause(50);
    }
    assert.equal(marks, "identity");
    const unknown = `sk-tdm-live_${"A".repeat(30)}`;
    const { formApiKey } = await import("@tandem/libs/gateway");
    const stranger = formApiKey("live", (length) => new Uint8Array(length).fill(7));
    const { answer, tookMs } = await timed({ path: "/api/v1/projects", key: stranger });
    assert.equal(answer.status, 503);
    assert.ok(tookMs < 100, `took ${tookMs} ms`);
    assert.equal((await house.ask({ path: "/api/v1/projects", key: unknown })).status, 401);
    const cookie = { cookie: `tandem_session=${"x".repeat(43)}` };
    assert.equal((await house.ask({ path: "/api/v1/me", headers: cookie })).status, 503);
  });

  test("what would go into the audit log is not done without it", async () => {
    const grant = {
      method: "POST",
      path: "/api/v1/credits",
      key,
      headers: { "idempotency-key": "while-away" },
      body: { amount: "1" },
    };
    assert.equal((await house.ask(grant)).status, 503);
  });

  test("after the bounded time nobody passes; with auth back everybody does, unmarked", async () => {
    const deadline = Date.now() + 15_000;
    while ((await house.ask({ path: "/api/v1/projects", key })).status !== 503) {
      assert.ok(Date.now() < deadline);
      await pause(50);
    }
    await house.restart("auth");
    for (;;) {
      const answer = await house.ask({ path: "/api/v1/projects", key });
      if (answer.status === 200 && answer.headers["x-tandem-degraded"] === undefined) break;
      assert.ok(Date.now() < deadline + 10_000);
      await pause(50);
    }
    const wallet = await house.expect(200, { path: "/api/v1/wallet", key });
    assert.deepEqual(wallet["total"], { amount: "10.00", currency: "USD" });
  });
});

describe("with PostgreSQL killed", () => {
  test("known callers read on from copies, changes wait for it or are refused, nothing is half done", async () => {
    for (const path of reads()) await house.expect(200, { path, key });
    await house.postgres.kill();
    const create = {
      method: "POST",
      path: "/api/v1/projects",
      key,
      headers: { "idempotency-key": "through-the-kill" },
      body: { name: "through the kill" },
    };
    const during = await Promise.all([
      house.ask(create),
      ...reads().map((path) => house.ask({ path, key })),
    ]);
    assert.ok(during.every(({ status }) => status < 500 || status === 503));
    for (const answer of during.slice(1)) assert.equal(answer.status, 200);
    await house.postgres.start();
    const deadline = Date.now() + 20_000;
    let created = await house.ask(create);
    while (created.status !== 201) {
      assert.ok(Date.now() < deadline, created.text);
      await pause(100);
      created = await house.ask(create);
    }
    // The other replica may still be looking for the database.
    const path = "/api/v1/projects?limit=100";
    let list = await house.ask({ path, key });
    while (list.status !== 200) {
      assert.ok(Date.now() < deadline, list.text);
      await pause(50);
      list = await house.ask({ path, key });
    }
    const rows = (list.json as Record<string, unknown>)["data"] as { name: string }[];
    assert.equal(rows.filter(({ name }) => name === "through the kill").length, 1);
  });
});
