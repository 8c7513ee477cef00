import assert from "node:assert/strict";
import { test } from "node:test";
import { httpRequest, plainClient } from "@tandem/libs/testing";
import { eventually, overTcp, rawRequest, start } from "./testing/test-router.ts";

test("no unary call fails while gateway replicas are killed and come back", async (context) => {
  // Ten kills in a second or two: on a slow machine one call may meet more than two of them.
  const router = await start(context, { settings: { attempts_max: 10 } });
  const client = plainClient({ baseUrl: await overTcp(context, router), attempts: 1 });
  context.after(() => client.close());
  const statuses = new Map<number, number>();
  let isRunning = true;
  const load = Array.from({ length: 16 }, async () => {
    while (isRunning) {
      const answer = await client.call("POST", "/v1/chat/completions", { text: "x".repeat(500) });
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  });
  for (let round = 0; round < 10; round += 1) {
    const victim = router.gateway(`ai-${1 + (round % 2)}`);
    const before = victim.requests;
    await eventually("the victim works", () => victim.requests > before);
    await victim.kill();
    const survivor = router.gateway(`ai-${2 - (round % 2)}`);
    const taken = survivor.requests;
    await eventually("the other one takes over", () => survivor.requests > taken + 20);
    await victim.revive();
  }
  isRunning = false;
  await Promise.all(load);
  assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
});

test("a request waits for the only replica of a gateway to come back", async (context) => {
  const router = await start(context, { ai: 1 });
  await router.gateway("ai-1").kill();
  const answer = httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  await eventually("an attempt has failed", () =>
    router.logLines.some((line) => line["event"] === "attempt_failed"),
  );
  await router.gateway("ai-1").revive();
  assert.equal((await answer).text, "ai-1 3");
});

test("who waited for a gateway has the time that its answer takes, not what is left", async (context) => {
  const router = await start(context, { ai: 1, settings: { hold_timeout: "1s" } });
  const gateway = router.gateway("ai-1");
  await gateway.kill();
  const answer = httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  await eventually("an attempt has failed", () =>
    router.logLines.some((line) => line["event"] === "attempt_failed"),
  );
  gateway.handle = (exchange) => {
    setTimeout(() => exchange.respond(200, [], "after the wait"), 1_200);
  };
  await gateway.revive();
  assert.equal((await answer).text, "after the wait");
});

test("whoever waits is tried once more at the end, whatever probes say", async (context) => {
  const settings = { hold_timeout: "400ms", probe_period: "10s" };
  const router = await start(context, { ai: 1, settings });
  const gateway = router.gateway("ai-1");
  await gateway.kill();
  const answer = httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  await eventually("an attempt has failed", () =>
    router.logLines.some((line) => line["event"] === "attempt_failed"),
  );
  await gateway.revive();
  assert.equal((await answer).text, "ai-1 3");
});

test("what one replica cannot do another one is asked for, each once", async (context) => {
  const router = await start(context);
  const [first, second] = [router.gateway("ai-1"), router.gateway("ai-2")];
  const asked: string[] = [];
  for (const gateway of [first, second]) {
    gateway.handle = (exchange) => {
      asked.push(gateway.name);
      exchange.respond(503, [["x-tandem-declined", "1"]], `${gateway.name} cannot`);
    };
  }
  const call = () => httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  const refused = await call();
  assert.equal(refused.status, 503);
  assert.deepEqual(asked.toSorted(), ["ai-1", "ai-2"]);
  assert.equal(refused.text, `${asked[1]} cannot`);
  assert.equal(refused.headers["x-tandem-declined"], undefined);
  second.handle = (exchange) => exchange.respond(200, [], "ai-2 can");
  const answers = await Promise.all(Array.from({ length: 8 }, call));
  assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(["ai-2 can"]));
  assert.ok(asked.length > 2, "all of them went to the one that can at once");
});

test("a gateway that stays away is answered with 503 and when to try again", async (context) => {
  const router = await start(context, { ai: 1, settings: { hold_timeout: "100ms" } });
  await router.gateway("ai-1").kill();
  const answer = await httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "1");
  const { error } = answer.json as { error: Record<string, unknown> };
  assert.equal(error["code"], "server_is_overloaded");
  // The other domain does not notice.
  assert.equal((await httpRequest(router.address, { path: "/api/v1/x" })).status, 200);
});

test("a POST that may have taken effect is not sent twice unless it carries a key", async (context) => {
  const router = await start(context);
  const access = router.gateway("access-1");
  let calls = 0;
  access.handle = (exchange) => {
    calls += 1;
    if (calls % 2 === 1) exchange.cut();
    else exchange.respond(200, [], "done");
  };
  const lost = await httpRequest(router.address, { method: "POST", path: "/api/v1/orders" });
  assert.equal(lost.status, 502);
  assert.equal(lost.headers["x-should-retry"], "false");
  assert.equal(calls, 1);
  calls = 0;
  const headers = { "idempotency-key": "order-1" };
  const kept = await httpRequest(router.address, {
    method: "POST",
    path: "/api/v1/orders",
    headers,
  });
  assert.equal(kept.status, 200);
  assert.equal(calls, 2);
});

test("a small whole answer that breaks is never seen: another replica gives it", async (context) => {
  const router = await start(context);
  let isFirst = true;
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, [], { contentLength: 10 });
      exchange.write("01234");
      if (isFirst) {
        isFirst = false;
        setImmediate(() => exchange.cut());
        return;
      }
      exchange.write("56789");
      exchange.end();
    };
  }
  const answer = await httpRequest(router.address, { path: "/v1/models" });
  assert.equal(answer.text, "0123456789");
});

test("a stream that breaks is broken off visibly, never ended", async (context) => {
  const router = await start(context);
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, [["content-type", "text/event-stream"]]);
      exchange.write("data: 1\n\n");
      setImmediate(() => exchange.cut());
    };
  }
  const request = "GET /v1/stream HTTP/1.1\r\nhost: a\r\n\r\n";
  const { text } = await rawRequest(router.address, request);
  assert.match(text, /data: 1\n\n/);
  assert.equal(text.includes("\r\n0\r\n"), false, "no last chunk");
});

test("a large body survives a replica that is not there", async (context) => {
  const router = await start(context);
  await router.gateway("ai-1").kill();
  const body = Buffer.alloc(3 * 1024 * 1024, "abc");
  for (let round = 0; round < 4; round += 1) {
    const answer = await httpRequest(router.address, { method: "POST", path: "/v1/x", body });
    assert.equal(answer.text, "ai-2 3145728");
  }
});

test("a replica that says it is not ready gets no more requests", async (context) => {
  const router = await start(context);
  const leaving = router.gateway("ai-1");
  leaving.isReady = false;
  await eventually("it was taken out", () =>
    router.logLines.some(
      (line) => line["event"] === "replica_health_changed" && line["after"] === "out",
    ),
  );
  const before = leaving.requests;
  for (let call = 0; call < 20; call += 1) {
    await httpRequest(router.address, { path: "/v1/models" });
  }
  assert.equal(leaving.requests, before);
});

test("calls that a frozen replica holds are taken to another one", async (context) => {
  const router = await start(context);
  const frozen = router.gateway("ai-1");
  frozen.isFrozen = true;
  const told: (string | undefined)[] = [];
  const other = router.gateway("ai-2");
  const { handle } = other;
  other.handle = (exchange) => {
    told.push(exchange.head.headers.get("x-tandem-begun"));
    handle(exchange);
  };
  const calls = Array.from({ length: 8 }, () =>
    httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" }),
  );
  for (const answer of await Promise.all(calls)) assert.equal(answer.text, "ai-2 3");
  assert.ok(told.includes("1"), "the other one hears that they may have been done");
  told.length = 0;
  const later = await httpRequest(router.address, { method: "POST", path: "/v1/x", body: "abc" });
  assert.equal(later.text, "ai-2 3", "and nothing more goes there");
  assert.deepEqual(told, [undefined]);
});

test("a replica that got slow loses its share", async (context) => {
  const router = await start(context);
  const slow = router.gateway("ai-1");
  slow.handle = (exchange) => {
    setTimeout(() => exchange.respond(200, [], "late"), 300);
  };
  const fast = router.gateway("ai-2");
  const client = plainClient({ baseUrl: await overTcp(context, router), attempts: 1 });
  context.after(() => client.close());
  for (let call = 0; call < 200; call += 1) await client.call("GET", "/v1/models");
  assert.ok(slow.requests <= 20, `${slow.requests} of ${slow.requests + fast.requests}`);
});
