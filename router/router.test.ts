import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { createClientPool, type Exchange } from "@tandem/libs/http";
import { isId } from "@tandem/libs/kernel";
import { httpRequest, plainClient } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { eventually, startRouter, type TestRouter } from "./test-router.ts";

async function start(
  context: TestContext,
  options: Parameters<typeof startRouter>[0] = {},
): Promise<TestRouter> {
  const router = await startRouter(options);
  context.after(() => router.close());
  return router;
}

/** Everything that comes on a connection until it closes, or until `isEnough`. */
function rawRequest(
  address: string,
  text: string,
  isEnough: (seen: string) => boolean = () => false,
): Promise<{ text: string; wasReset: boolean }> {
  return new Promise((resolve) => {
    let seen = "";
    let wasReset = false;
    const socket = connect(address.replace("unix:", ""), () => socket.write(text));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      if (isEnough(seen)) socket.destroy();
    });
    socket.on("error", () => {
      wasReset = true;
    });
    socket.on("close", () => resolve({ text: seen, wasReset }));
  });
}

/** The lower-case fields that a gateway was sent. */
function fieldsOf(exchange: Exchange): Record<string, string> {
  return Object.fromEntries(exchange.head.headers.entries());
}

test("a request reaches the gateway of its path and its answer comes back whole", async (context) => {
  const router = await start(context);
  const access = await httpRequest(router.address, { path: "/api/v1/keys?limit=2" });
  assert.equal(access.text, "access-1 0");
  const ai = await httpRequest(router.address, {
    method: "POST",
    path: "/v1/chat/completions",
    body: "x".repeat(1_500),
  });
  assert.match(ai.text, /^ai-[12] 1500$/);
  assert.ok(isId("req", String(ai.headers["x-request-id"])));
  assert.ok(Date.parse(String(ai.headers.date)) > 0);
});

test("unknown paths and methods are refused in the shape of their plane", async (context) => {
  const router = await start(context);
  const openAi = await httpRequest(router.address, { path: "/nowhere" });
  assert.equal(openAi.status, 404);
  const { error } = openAi.json as { error: Record<string, unknown> };
  assert.equal(error["type"], "invalid_request_error");
  assert.equal(error["code"], "router_no_route");
  assert.equal(error["param"], null);

  const problem = await httpRequest(router.address, { path: "/api/v9/x" });
  assert.equal(problem.status, 404);
  assert.equal(problem.headers["content-type"], "application/problem+json");
  const { type, request_id: requestId } = problem.json as Record<string, unknown>;
  assert.equal(type, "/errors/router.no_route");
  assert.equal(requestId, problem.headers["x-request-id"]);

  const method = await httpRequest(router.address, { method: "DELETE", path: "/models" });
  assert.equal(method.status, 405);
});

test("identity, connection and forwarding fields of a client never reach a gateway", async (context) => {
  const router = await start(context);
  const seen: Record<string, string>[] = [];
  router.gateway("access-1").handle = (exchange) => {
    seen.push(fieldsOf(exchange));
    exchange.respond(200, [["x-kept", "yes"]], "");
  };
  await rawRequest(
    router.address,
    "GET /api/v1/me HTTP/1.1\r\nHost: tandem.example\r\nConnection: close, X-Nominated\r\n" +
      "X-Nominated: secret\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n" +
      "X-Tandem-Passport: forged\r\nX-TANDEM-Anything: forged\r\nX-Forwarded-For: 1.2.3.4\r\n" +
      "X-Forwarded-Proto: https\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n" +
      "X-Request-Id: mine-1\r\nAuthorization: Bearer k\r\nX-Odd:    padded value \t \r\n\r\n",
  );
  const [fields] = seen;
  assert.ok(fields);
  const sent = Object.keys(fields).sort();
  assert.deepEqual(sent, [
    "authorization",
    "host",
    "traceparent",
    "x-client-request-id",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-odd",
    "x-request-id",
    "x-tandem-deadline-ms",
  ]);
  assert.equal(fields["x-odd"], "padded value");
  assert.equal(fields["x-client-request-id"], "mine-1");
  assert.equal(fields["x-forwarded-host"], "tandem.example");
  assert.equal(fields["x-forwarded-proto"], "http");
  assert.ok(isId("req", fields["x-request-id"] ?? ""));
  const deadlineMs = Number(fields["x-tandem-deadline-ms"]);
  assert.ok(deadlineMs > 599_000 && deadlineMs <= 600_000, `${deadlineMs}`);
});

test("a valid trace is passed on, an invalid one replaced without its state", async (context) => {
  const router = await start(context);
  const seen: Record<string, string>[] = [];
  router.gateway("access-1").handle = (exchange) => {
    seen.push(fieldsOf(exchange));
    exchange.respond(200, [], "");
  };
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const headers = { traceparent, tracestate: "a=1" };
  await httpRequest(router.address, { path: "/api/v1/x", headers });
  await httpRequest(router.address, {
    path: "/api/v1/x",
    headers: { ...headers, traceparent: "00-nonsense" },
  });
  assert.equal(seen[0]?.["traceparent"], traceparent);
  assert.equal(seen[0]?.["tracestate"], "a=1");
  assert.match(seen[1]?.["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(seen[1]?.["tracestate"], undefined);
});

test("connection fields of an answer stop at the router", async (context) => {
  const router = await start(context);
  router.gateway("access-1").handle = (exchange) => {
    exchange.respond(
      200,
      [
        ["keep-alive", "timeout=1"],
        ["x-request-id", "req_forged"],
        ["x-tandem-degraded", "yes"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
      "ok",
    );
  };
  const answer = await httpRequest(router.address, { path: "/api/v1/x" });
  assert.equal(answer.headers["keep-alive"], undefined);
  assert.equal(answer.headers["x-tandem-degraded"], "yes");
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assert.ok(isId("req", String(answer.headers["x-request-id"])));
});

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

test("a client that leaves is told to the gateway within 50 ms", async (context) => {
  const router = await start(context);
  let abortedAtMs = 0;
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.onAbort(() => {
        abortedAtMs = performance.now();
      });
      exchange.startStream(200, []);
      exchange.write("data: 1\n\n");
    };
  }
  const request = "GET /v1/stream HTTP/1.1\r\nhost: a\r\n\r\n";
  await rawRequest(router.address, request, (seen) => seen.includes("data: 1"));
  const leftAtMs = performance.now();
  await eventually("the gateway heard of it", () => abortedAtMs > 0);
  assert.ok(abortedAtMs - leftAtMs < 50, `${abortedAtMs - leftAtMs} ms`);
});

test("a client that does not read holds the gateway back", async (context) => {
  const router = await start(context);
  let written = 0;
  let isHeldBack = false;
  const chunk = Buffer.alloc(16_384, "x");
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, []);
      const pump = (): void => {
        while (written < 64 * 1024 * 1024) {
          written += chunk.length;
          if (exchange.write(chunk)) continue;
          isHeldBack = true;
          exchange.onDrain(pump);
          return;
        }
      };
      pump();
    };
  }
  const socket = connect(router.address.replace("unix:", ""));
  context.after(() => socket.destroy());
  socket.pause();
  socket.write("GET /v1/stream HTTP/1.1\r\nhost: a\r\n\r\n");
  await eventually("the gateway has to wait", () => isHeldBack);
  let before = -1;
  await eventually("nothing more flows", () => {
    const isStill = before === written;
    before = written;
    return isStill;
  });
  // Two pairs of socket buffers and what each side holds back lie between the two.
  assert.ok(written <= 2 * 1024 * 1024, `${written} bytes were taken from the gateway`);
});

test("a body over the limit is refused, declared or not", async (context) => {
  const router = await start(context, { settings: { body_limit: "64KiB" } });
  const declared = await httpRequest(router.address, {
    method: "POST",
    path: "/v1/x",
    body: Buffer.alloc(65_537),
  });
  assert.equal(declared.status, 413);
  const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
  const head = "POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
  const endless = await rawRequest(router.address, head + chunk.repeat(8), (seen) =>
    seen.includes("\r\n\r\n"),
  );
  assert.match(endless.text, /^HTTP\/1\.1 413 /);
});

test("a body too large to be kept flows through whole", async (context) => {
  const router = await start(context);
  const body = Buffer.alloc(5 * 1024 * 1024, "abc");
  const answer = await httpRequest(router.address, { method: "POST", path: "/v1/x", body });
  assert.match(answer.text, /^ai-[12] 5242880$/);
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

test("the router says when it is ready, and which gateway it waits for", async (context) => {
  const router = await start(context, { ai: 1 });
  assert.equal((await httpRequest(router.address, { path: "/livez" })).status, 200);
  assert.equal((await httpRequest(router.address, { path: "/readyz" })).status, 200);
  await router.gateway("ai-1").kill();
  // One gateway is gone; the other one's traffic must not go with it.
  assert.equal((await httpRequest(router.address, { path: "/readyz" })).status, 200);
  router.replica.drain();
  const draining = await httpRequest(router.address, { path: "/readyz" });
  assert.equal(draining.status, 503);
  assert.match(draining.text, /draining/);
});

test("closing lets answers under way finish and says so", async (context) => {
  const router = await start(context);
  const held: Exchange[] = [];
  router.gateway("access-1").handle = (exchange) => held.push(exchange);
  const answer = httpRequest(router.address, { path: "/api/v1/slow" });
  await eventually("the request is under way", () => held.length === 1);
  const closed = router.replica.close({ deadlineMs: 5_000 });
  held[0]?.respond(200, [], "finished");
  const { text, headers } = await answer;
  assert.equal(text, "finished");
  assert.equal(headers["connection"], "close");
  await closed;
});

test("a request that takes too long ends with 504, and the gateway is let off", async (context) => {
  const router = await start(context, { settings: { request_timeout: "1s" } });
  let wasAborted = false;
  router.gateway("access-1").handle = (exchange) => {
    exchange.onAbort(() => {
      wasAborted = true;
    });
  };
  const answer = await httpRequest(router.address, { path: "/api/v1/slow" });
  assert.equal(answer.status, 504);
  await eventually("the gateway was let off", () => wasAborted);
});

/** A second door on TCP for clients that cannot speak over a Unix socket. */
async function overTcp(context: TestContext, router: TestRouter): Promise<string> {
  const { createServer } = await import("node:net");
  const door = createServer((client) => {
    const inner = connect(router.address.replace("unix:", ""));
    client.pipe(inner).pipe(client);
    for (const socket of [client, inner]) {
      socket.on("error", () => {
        client.destroy();
        inner.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    door.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => door.close());
  const bound = door.address();
  return `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`;
}

test("a pool of the platform's own speaks to the router", async (context) => {
  const router = await start(context);
  const pool = createClientPool({ address: router.address, world: realWorld() });
  context.after(() => pool.close());
  const status = await new Promise<number>((resolve, reject) => {
    pool.send(
      { method: "GET", target: "/models", headers: [] },
      {
        onHead: (head) => resolve(head.status),
        onChunk: () => undefined,
        onEnd: () => undefined,
        onFailure: (failure) => reject(failure.error),
      },
    );
  });
  assert.equal(status, 200);
});
