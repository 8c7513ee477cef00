import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { formApiKey } from "@tandem/libs/gateway";
import { httpRequest } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({ settings: { bodyLimitBytes: "100KiB" } });
});
after(() => bench.close());

async function refused(body: object | string | Buffer, status: number): Promise<string> {
  const calls = bench.first.calls.length;
  const answer = await bench.post("/v1/chat/completions", body);
  assert.equal(answer.status, status, answer.text.slice(0, 300));
  assert.equal(bench.first.calls.length, calls, "nothing was asked of the upstream");
  const error = errorIn(answer);
  assert.equal(error["request_id"], answer.headers["x-request-id"]);
  return `${error.type}/${error.code}`;
}

const messages = [{ role: "user", content: "hi" }];
const plain = { model: "free", messages };

describe("a body that is no request", () => {
  test("is 400 when it is no JSON, whatever is wrong with it", async () => {
    const deep = `{"model":"free","messages":${"[".repeat(100_00)}`;
    const twice = '{"model":"free","model":"paid","messages":[]}';
    const bodies = ["", "{", "hello", "[]", deep, twice, "\uFEFF{}", '{"a":NaN}'];
    for (const body of bodies) {
      assert.equal(await refused(body, 400), "invalid_request_error/invalid_json");
    }
    assert.equal(
      await refused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400),
      "invalid_request_error/invalid_json",
    );
  });

  test("is 415 when it is compressed, which says so", async () => {
    const answer = await bench.post("/v1/chat/completions", gzipSync(JSON.stringify(plain)), {
      "content-encoding": "gzip",
    });
    assert.equal(answer.status, 415, answer.text);
    assert.equal(errorIn(answer).code, "unsupported_content_encoding");
    assert.match(errorIn(answer).message, /Content-Encoding/);
  });

  test("is 422 with the parameter's name for a wrong type or range", async () => {
    const wrong: [string, unknown][] = [
      ["max_tokens", -1],
      ["max_tokens", 1e9],
      ["temperature", 3],
      ["stream", "yes"],
      ["messages", []],
      ["model", 5],
    ];
    for (const [name, value] of wrong) {
      const answer = await bench.post("/v1/chat/completions", { ...plain, [name]: value });
      assert.equal(answer.status, 422, answer.text);
      assert.equal(errorIn(answer).param, name);
      assert.equal(answer.headers["x-should-retry"], "false");
    }
  });

  test("is 413 beyond its limit, declared or endless", async () => {
    await refused({ ...plain, messages: [{ role: "user", content: "x".repeat(200_000) }] }, 413);
    const socket = connect(bench.gateway.address.replace("unix:", ""));
    const status = new Promise<string>((resolve) => {
      socket.on("data", (chunk) => resolve(chunk.toString("latin1", 9, 12)));
    });
    socket.on("error", () => undefined);
    socket.write(
      "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n" +
        `authorization: Bearer ${bench.key}\r\n\r\n`,
    );
    const chunk = `${(65_536).toString(16)}\r\n${" ".repeat(65_536)}\r\n`;
    const feeding = setInterval(() => socket.write(chunk), 2);
    assert.equal(await status, "413");
    clearInterval(feeding);
    socket.destroy();
  });

  test("harms nobody with a prototype's name", async () => {
    const body = `{"model":"free","messages":[{"role":"user","content":"x tokens=1"}],"__proto__":{"stream":true}}`;
    const answer = await bench.post("/v1/chat/completions", body);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(({} as { stream?: boolean }).stream, undefined);
  });
});

describe("a request that makes no sense", () => {
  test("is 400 for what contradicts itself, and for a role nobody knows", async () => {
    await refused({ ...plain, stream_options: { include_usage: true } }, 400);
    await refused({ ...plain, messages: [{ role: "robot", content: "x" }] }, 400);
  });

  test("is 400 for an unknown model, naming it and those there are", async () => {
    const answer = await bench.chat("x", { model: "no-such-model" });
    assert.equal(answer.status, 400);
    const { code, message } = errorIn(answer);
    assert.equal(code, "model_not_found");
    assert.match(message, /free, own, paid, plain, quotes, unpriced/);
    assert.match(message, /no-such-model/);
  });

  test("is 400 for what the model cannot do, before anything is asked", async () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    assert.equal(
      await refused({ ...plain, model: "plain", tools }, 400),
      "invalid_request_error/unsupported_parameter",
    );
    const format = { response_format: { type: "json_object" } };
    await refused({ ...plain, model: "plain", ...format }, 400);
  });

  test("is 400 for a prompt that cannot fit, here or by the upstream's word", async () => {
    const long = { role: "user", content: "word ".repeat(4_000) };
    assert.equal(
      await refused({ ...plain, model: "plain", messages: [long] }, 400),
      "invalid_request_error/context_length_exceeded",
    );
    bench.first.script({
      kind: "status",
      status: 400,
      code: "context_length_exceeded",
      message: "maximum context length is 5 tokens",
    });
    const answer = await bench.chat(freshPrompt().content, { model: "free" });
    assert.equal(answer.status, 400);
    assert.equal(errorIn(answer).code, "context_length_exceeded");
    assert.match(errorIn(answer).message, /maximum context length is 5/);
  });
});

describe("a caller who may not", () => {
  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  test("is 401 without a key, with garbage, and with a well-formed key nobody has, in the same words", async () => {
    const none = await httpRequest(bench.gateway.address, {
      method: "POST",
      path: "/v1/chat/completions",
      body: plain,
    });
    assert.equal(none.status, 401);
    const asked = bench.platform.calls.verifyKey;
    const garbage = await bench.chat("x", {}, as("sk-not-a-key"));
    assert.equal(bench.platform.calls.verifyKey, asked, "garbage is known without asking");
    const unknown = formApiKey("test", (length) => new Uint8Array(length).fill(9));
    const stranger = await bench.chat("x", {}, as(unknown));
    assert.equal(garbage.status, 401);
    assert.equal(stranger.status, 401);
    assert.equal(errorIn(garbage).message, errorIn(stranger).message);
    assert.equal(errorIn(garbage).code, "invalid_api_key");
    assert.equal(garbage.headers["x-should-retry"], "false");
  });

  test("may send the key as x-api-key, and Bearer wins over it", async () => {
    const body = { ...plain, messages: [{ role: "user", content: freshPrompt().content }] };
    const send = (headers: Record<string, string>) =>
      httpRequest(bench.gateway.address, {
        method: "POST",
        path: "/v1/chat/completions",
        body,
        headers,
      });
    assert.equal((await send({ "x-api-key": bench.key })).status, 200);
    assert.equal((await send({ authorization: `bearer ${bench.key}` })).status, 200);
    assert.equal((await send({ "x-api-key": bench.key, ...as("sk-no") })).status, 401);
  });

  test("is 403 without the scope, for another endpoint, and from another address", async () => {
    const { platform } = bench;
    const scopeless = await bench.chat("x", {}, as(platform.addKey({ scopes: ["manage:read"] })));
    assert.equal(scopeless.status, 403);
    const elsewhere = platform.addKey({ allowedEndpoints: ["embeddings"] });
    assert.equal((await bench.chat("x", {}, as(elsewhere))).status, 403);
    const bound = as(platform.addKey({ allowedAddresses: ["10.1.0.0/16"] }));
    assert.equal((await bench.chat("x", {}, bound)).status, 403);
    const near = { ...bound, "x-forwarded-for": "10.1.2.3" };
    assert.equal((await bench.chat(freshPrompt().content, {}, near)).status, 200);
  });

  test("sees a model that is not for it as one that does not exist", async () => {
    const narrow = as(bench.platform.addKey({ allowedModels: ["free"] }));
    const answer = await bench.chat("x", {}, narrow);
    assert.equal(answer.status, 400);
    assert.doesNotMatch(errorIn(answer).message, /plain/);
    assert.equal((await bench.chat(freshPrompt().content, { model: "free" }, narrow)).status, 200);
  });

  test("is 401 the moment an expired or revoked key is used, though it was in memory", async () => {
    const { clock } = realWorld();
    const endMs = clock.nowMs() + 400;
    const soon = bench.platform.addKey({ expiresAtMs: BigInt(endMs) });
    assert.equal((await bench.chat(freshPrompt().content, {}, as(soon))).status, 200);
    await until(() => clock.nowMs() >= endMs);
    assert.equal((await bench.chat("x", {}, as(soon))).status, 401);
    const doomed = bench.platform.addKey({ keyId: "key_doomed" });
    assert.equal((await bench.chat(freshPrompt().content, {}, as(doomed))).status, 200);
    bench.platform.revoke("key_doomed");
    const startedMs = performance.now();
    while ((await bench.chat(freshPrompt().content, {}, as(doomed))).status !== 401) {
      assert.ok(
        performance.now() - startedMs < 2_000,
        "revoked keys are refused within two seconds",
      );
    }
  });
});
