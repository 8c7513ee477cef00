import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { createClientPool, type Exchange } from "@tandem/libs/http";
import { isId } from "@tandem/libs/kernel";
import { httpRequest } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { eventually, rawRequest, start } from "./testing/test-router.ts";

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

test("what a client may wish of a gateway arrives, in the fields that are for it", async (context) => {
  const router = await start(context);
  const seen: Record<string, string>[] = [];
  router.gateway("access-1").handle = (exchange) => {
    seen.push(fieldsOf(exchange));
    exchange.respond(200, [], "");
  };
  const wishes = {
    "x-tandem-cache-control": "no-store",
    "x-tandem-conversation": "conv_1",
    "x-tandem-articles": "on",
    "x-tandem-csrf": "of the session",
  };
  await httpRequest(router.address, { path: "/api/v1/me", headers: wishes });
  for (const [name, value] of Object.entries(wishes)) assert.equal(seen[0]?.[name], value);
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
