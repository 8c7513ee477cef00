import assert from "node:assert/strict";
import { test } from "node:test";
import { httpRequest } from "@tandem/libs/testing";
import { start } from "./testing/test-router.ts";

const page = "https://app.example.com";
const settings = { cors_origins: page, hold_timeout: "100ms" };

function preflight(address: string, origin: string, path = "/v1/chat/completions") {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };
  return httpRequest(address, { method: "OPTIONS", path, headers });
}

test("a preflight is answered at the door, with every gateway dead", async (context) => {
  const router = await start(context, { settings });
  for (const gateway of router.gateways) await gateway.kill();
  const yes = await preflight(router.address, page);
  assert.equal(yes.status, 204);
  assert.equal(yes.headers["access-control-allow-origin"], page);
  assert.equal(yes.headers["access-control-allow-headers"], "authorization,content-type");
  assert.match(String(yes.headers["access-control-allow-methods"]), /\bPOST\b/);
  const no = await preflight(router.address, "https://other.example.com");
  assert.equal(no.status, 403);
  assert.match(no.text, /router\.cors_origins/);
  assert.equal(no.headers["access-control-allow-origin"], undefined);
  assert.ok(router.gateways.every(({ requests }) => requests === 0));
});

test("every answer can be read by an allowed page: whole, streamed, and each refusal", async (context) => {
  const router = await start(context, { ai: 1, settings });
  const ask = (path: string, method = "POST", origin = page) =>
    httpRequest(router.address, { method, path, headers: { origin }, body: "abc" });
  const answers: [number, () => ReturnType<typeof ask>][] = [
    [200, () => ask("/v1/chat/completions")],
    [404, () => ask("/nowhere")],
    [405, () => ask("/models")],
    [429, () => ask("/v1/limited")],
    [503, () => ask("/v1/chat/completions")],
  ];
  router.gateway("ai-1").handle = (exchange) => {
    if (exchange.head.path === "/v1/limited") exchange.respond(429, [["retry-after", "7"]], "");
    else {
      exchange.startStream(200, [["content-type", "text/event-stream"]]);
      exchange.write("data: 1\n\n");
      exchange.end();
    }
  };
  for (const [status, told] of answers) {
    if (status === 503) await router.gateway("ai-1").kill();
    const answer = await told();
    assert.equal(answer.status, status);
    assert.equal(answer.headers["access-control-allow-origin"], page, `${status}`);
    assert.equal(answer.headers["access-control-expose-headers"], "*");
    assert.equal(answer.headers.vary, "origin");
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
  }
  const other = await ask("/nowhere", "POST", "https://other.example.com");
  assert.equal(other.headers["access-control-allow-origin"], undefined);
  assert.equal(other.headers.vary, "origin");
});

test("the management API says nothing to pages of other origins", async (context) => {
  const router = await start(context, { settings });
  const { headers, status } = await preflight(router.address, page, "/api/v1/keys");
  assert.equal(status, 200, "the gateway's own answer, which allows nothing");
  assert.equal(headers["access-control-allow-origin"], undefined);
  const answer = await httpRequest(router.address, {
    path: "/api/v1/keys",
    headers: { origin: page },
  });
  assert.equal(answer.headers["access-control-allow-origin"], undefined);
});
