import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import net from "node:net";
import { test } from "node:test";
import { httpRequest } from "@tandem/libs/testing";
import { openCertificate } from "./certificate.ts";
import { eventually, heldDoor, start } from "./testing/test-router.ts";

test("with an inherited descriptor the public door is there, and the own one beside it", async (context) => {
  const held = heldDoor(context);
  const router = await start(context, { inheritedDescriptor: held.descriptor });
  assert.equal((await httpRequest(held.address, { path: "/readyz" })).status, 200);
  assert.equal((await httpRequest(held.address, { path: "/api/v1/x" })).text, "access-1 0");
  assert.equal((await httpRequest(router.address, { path: "/readyz" })).status, 200);
  assert.equal((await httpRequest(router.address, { path: "/api/v1/x" })).status, 404);
  const metrics = await httpRequest(router.address, { path: "/metrics" });
  assert.match(
    metrics.text,
    /tandem_router_requests_total\{gateway="access",status="200",outcome="answered"\} 1/,
  );
  assert.equal((await httpRequest(held.address, { path: "/metrics" })).status, 404);
});

test("over HTTP/2 many requests share a connection, and a cut stream is reset", async (context) => {
  const held = heldDoor(context);
  const router = await start(context, { inheritedDescriptor: held.descriptor });
  const session = connectHttp2(held.address.replace("tcp:", "http://"));
  context.after(() => session.destroy());
  const call = (path: string): Promise<{ body: string; code: number | undefined }> =>
    new Promise((resolve) => {
      const stream = session.request({ ":path": path });
      let body = "";
      stream.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      stream.on("error", () => undefined);
      stream.on("close", () => resolve({ body, code: stream.rstCode }));
    });
  const answers = await Promise.all(Array.from({ length: 50 }, () => call("/models")));
  for (const { body } of answers) assert.match(body, /^ai-[12] 0$/);
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, []);
      exchange.write("half");
      setTimeout(() => exchange.cut(), 20);
    };
  }
  assert.deepEqual(await call("/v1/stream"), { body: "half", code: 2 });
});

test("with the fast path off everything is served as before", async (context) => {
  const router = await start(context, { settings: { fast_path: false } });
  const answer = await httpRequest(router.address, {
    method: "POST",
    path: "/v1/x",
    body: "x".repeat(3_000_000),
  });
  assert.match(answer.text, /^ai-[12] 3000000$/);
  assert.equal((await httpRequest(router.address, { path: "/nowhere" })).status, 404);
});

test("what the door refuses by itself is in OpenAI's shape", async (context) => {
  const router = await start(context);
  const answer = await httpRequest(router.address, {
    path: "/v1/models",
    headers: { "x-large": "a".repeat(17_000) },
  });
  assert.equal(answer.status, 431);
  const { error } = answer.json as { error: Record<string, unknown> };
  assert.equal(error["code"], "http_head_too_large");
});

test("connections are capped for each address", async (context) => {
  const held = heldDoor(context);
  const settings = { connections_per_address_max: 2 };
  await start(context, { inheritedDescriptor: held.descriptor, settings });
  const port = Number(held.address.split(":").at(-1));
  const idle = [1, 2].map(() => net.connect(port, "127.0.0.1"));
  context.after(() => {
    for (const socket of idle) socket.destroy();
  });
  for (const socket of idle) socket.on("error", () => undefined);
  await eventually("both are open", () => idle.every((socket) => socket.readyState === "open"));
  const refused = await httpRequest(held.address, { path: "/livez" });
  assert.equal(refused.status, 503);
});

test("a certificate that cannot be used is refused before anything is opened", () => {
  assert.equal(openCertificate({ certificatePath: "", keyPath: "" }), undefined);
  assert.throws(() => openCertificate({ certificatePath: "/a.pem", keyPath: "" }), {
    reason: "router.certificate_unusable",
    publicMessage: /tls\.key_path/,
  });
  const missing = { certificatePath: "/nowhere/a.pem", keyPath: "/nowhere/k.pem" };
  assert.throws(() => openCertificate(missing), { publicMessage: /ENOENT/ });
});
