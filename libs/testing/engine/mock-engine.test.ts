import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { EngineFault } from "./engine-fault.ts";
import { type MockEngine, type MockEngineOptions, mockEngine } from "./mock-engine.ts";
import { promptHashOf, referenceText } from "./reference-text.ts";

const engines: MockEngine[] = [];
const directory = mkdtempSync(join(tmpdir(), "mock-engine-"));
after(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(directory, { recursive: true });
});

async function start(options: MockEngineOptions = {}): Promise<MockEngine> {
  const engine = await mockEngine(options);
  engines.push(engine);
  return engine;
}

const chat = { model: "mock-1", messages: [{ role: "user", content: "Bonjour" }] };
const reference = referenceText(promptHashOf([{ role: "user", text: "Bonjour" }]), 16);

function post(engine: MockEngine, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${engine.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

async function contentOf(response: Response): Promise<string> {
  const body = (await response.json()) as { choices: { message: { content: string } }[] };
  return body.choices[0]?.message.content ?? "";
}

/** Everything that comes on a fresh connection until it ends, however it ends. */
function rawPost(engine: MockEngine, body: object): Promise<{ bytes: Buffer; error?: string }> {
  const { port } = new URL(engine.baseUrl);
  const text = JSON.stringify(body);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), "127.0.0.1");
    const done = (error?: string) =>
      resolve({ bytes: Buffer.concat(chunks), ...(error !== undefined && { error }) });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => done(error.message));
    socket.on("close", () => done());
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  });
}

test("whole and streamed answers carry the reference text", async () => {
  const engine = await start();
  assert.equal(await contentOf(await post(engine, chat)), reference);
  const response = await post(engine, { ...chat, stream: true });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = (await response.text()).split("\n\n");
  assert.equal(events.at(-2), "data: [DONE]");
  const text = events
    .slice(0, -2)
    .map((event) => JSON.parse(event.slice("data: ".length)))
    .map((event: { choices: { delta: { content: string } }[] }) => event.choices[0]?.delta.content)
    .join("");
  assert.equal(text, reference);
  assert.deepEqual(
    engine.calls.map((call) => call.state),
    ["completed", "completed"],
  );
});

test("a cut comes after exactly the chosen byte, by reset and by close", async () => {
  const engine = await start({ answerTokens: 4 });
  const streamed = { ...chat, stream: true };
  const whole = await rawPost(engine, streamed);
  assert.equal(whole.bytes.length, engine.calls[0]?.bytesSent);
  for (const how of ["reset", "end"] as const) {
    for (const atByte of [0, 1, 17, 200, 400, whole.bytes.length - 1]) {
      engine.script({ kind: "cut", atByte, how });
      const { bytes, error } = await rawPost(engine, streamed);
      assert.equal(bytes.length, atByte, `${how} at ${atByte}`);
      assert.equal(error !== undefined, how === "reset", `${how} at ${atByte}: ${error}`);
      await engine.until((calls) => calls.at(-1)?.state === "broken");
    }
  }
});

test("a stall sends no further byte and keeps the connection", async () => {
  const engine = await start();
  engine.script({ kind: "cut", atByte: 300, how: "stall" });
  const abort = new AbortController();
  const response = await post(engine, { ...chat, stream: true }, abort.signal);
  const reader = response.body?.getReader();
  await reader?.read();
  await engine.until(([call]) => call?.bytesSent === 300);
  abort.abort();
  await engine.until(([call]) => call?.state === "broken");
});

test("a truncated body ends properly in the middle of a line", async () => {
  const engine = await start();
  engine.script({ kind: "truncate", atByte: 333 });
  const text = await (await post(engine, { ...chat, stream: true })).text();
  assert.equal(Buffer.byteLength(text), 333);
  engine.script({ kind: "stop-short", afterEvents: 3 });
  const short = await (await post(engine, { ...chat, stream: true })).text();
  assert.equal(short.split("\n\n").length, 4);
  assert.ok(!short.includes("[DONE]"));
});

test("errors, pages and nonsense come as they were ordered", async () => {
  const engine = await start();
  const answer = async (fault: EngineFault, body: object = chat) => {
    engine.script(fault);
    return post(engine, body);
  };
  const limited = await answer({ kind: "status", status: 429, retryAfterSeconds: 2 });
  assert.equal(limited.status, 429);
  assert.equal(limited.headers.get("retry-after"), "2");
  assert.equal((await answer({ kind: "status", status: 429 })).headers.get("retry-after"), null);
  assert.match(await (await answer({ kind: "html", status: 502 })).text(), /^<html>/);
  const error = await answer({ kind: "error-body" });
  assert.equal(error.status, 200);
  assert.match(await error.text(), /"error"/);
  const nonsense = await (await answer({ kind: "malformed" }, { ...chat, stream: true })).text();
  assert.throws(() => JSON.parse(nonsense.split("\n\n")[2]?.slice(6) ?? ""));
  const inBand = { kind: "stream-error", afterEvents: 2 } as const;
  const events = (await (await answer(inBand, { ...chat, stream: true })).text()).split("\n\n");
  assert.match(events[2] ?? "", /"error"/);
  assert.equal(events.length, 4);
  await assert.rejects(answer({ kind: "reset" }));
});

test("a caller that leaves is noticed at once, with the tokens sent until then", async () => {
  const engine = await start({ tokensPerSecond: 200, answerTokens: 1_000 });
  const abort = new AbortController();
  const response = await post(engine, { ...chat, stream: true }, abort.signal);
  await response.body?.getReader().read();
  await engine.until(([call]) => (call?.piecesSent ?? 0) > 5);
  const leftMs = performance.now();
  abort.abort();
  await engine.until(([call]) => call?.state === "canceled");
  const [call] = engine.calls;
  assert.ok((call?.endedMs ?? Number.POSITIVE_INFINITY) - leftMs < 50);
  assert.ok((call?.piecesSent ?? 0) < 1_000);
});

test("tokens come at the chosen speed, after the chosen delay", async () => {
  const engine = await start({ tokensPerSecond: 100, firstTokenDelayMs: 50, answerTokens: 10 });
  const startMs = performance.now();
  await (await post(engine, { ...chat, stream: true })).text();
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 145 && tookMs < 1_000, `${tookMs} ms`);
});

test("keep-alives fill the wait: comments in a stream, blank lines before a whole answer", async () => {
  const engine = await start({ firstTokenDelayMs: 60, keepAliveMs: 10, profile: "deepseek" });
  const stream = await (await post(engine, { ...chat, stream: true })).text();
  assert.match(stream, /^(: keep-alive\n\n){2}/);
  const whole = await (await post(engine, chat)).text();
  assert.match(whole, /^\n\n/);
  assert.ok(JSON.parse(whole));
});

test("a key is asked for, an unknown model and an overlong prompt are refused", async () => {
  const engine = await start({ apiKey: "k", models: [{ id: "mock-1", contextTokens: 8 }] });
  assert.equal((await post(engine, chat)).status, 401);
  const headers = { authorization: "Bearer k" };
  const status = async (body: object) => {
    const url = `${engine.baseUrl}/chat/completions`;
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
  };
  assert.equal(await status(chat), 200);
  assert.equal(await status({ ...chat, model: "other" }), 404);
  assert.equal(
    await status({ ...chat, messages: [{ role: "user", content: "long ".repeat(9) }] }),
    400,
  );
  assert.equal(await status({ model: "mock-1" }), 400);
});

test("each profile lists its models and context length as that server does", async () => {
  const models = async (profile: MockEngineOptions["profile"] & string) => {
    const engine = await start({ profile, models: [{ id: "m", contextTokens: 777 }] });
    return (await fetch(`${engine.baseUrl}/models`)).text();
  };
  assert.match(await models("vllm"), /"max_model_len":777/);
  assert.match(await models("sglang"), /"max_model_len":777/);
  assert.match(await models("llamacpp"), /"n_ctx":777/);
  assert.match(await models("deepseek"), /"context_window":777/);
  assert.doesNotMatch(await models("deepseek"), /created/);
  assert.doesNotMatch(await models("openai"), /777/);
  const ollama = await start({ profile: "ollama", models: [{ id: "m", contextTokens: 777 }] });
  const root = ollama.baseUrl.replace("/v1", "");
  const show = await fetch(`${root}/api/show`, { method: "POST", body: '{"model":"m"}' });
  assert.match(await show.text(), /"llama.context_length":777/);
  assert.deepEqual(ollama.sideCalls, ["POST /api/show"]);
});

test("an engine that refuses can be brought back at the same address", async () => {
  const engine = await start();
  await engine.refuse();
  await assert.rejects(post(engine, chat));
  await engine.accept();
  assert.equal((await post(engine, chat)).status, 200);
});

test("an engine answers on a Unix socket too", async () => {
  const unixPath = join(directory, "engine.sock");
  await start({ unixPath });
  const status = await new Promise((resolve, reject) => {
    const call = request({ socketPath: unixPath, path: "/v1/models" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on("error", reject);
    call.end();
  });
  assert.equal(status, 200);
});

test("embeddings depend on the text only, in both encodings", async () => {
  const engine = await start();
  const embed = async (body: object) => {
    const response = await fetch(`${engine.baseUrl}/embeddings`, {
      method: "POST",
      body: JSON.stringify({ model: "mock-1", ...body }),
    });
    return ((await response.json()) as { data: { embedding: number[] | string }[] }).data;
  };
  const [first, second] = (await embed({ input: ["a", "b"] })).map((entry) => entry.embedding);
  assert.notDeepEqual(first, second);
  const [encoded] = (await embed({ input: "a", encoding_format: "base64" })).map(
    (entry) => entry.embedding,
  );
  const bytes = Buffer.from(String(encoded), "base64");
  assert.ok(Math.abs(bytes.readFloatLE(0) - Number(first?.[0])) < 1e-6);
});
