import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ensureRuntime } from "./test-fixtures/runtime.ts";
import { startTestEngine, type TestEngine } from "./test-fixtures/test-engine.ts";

const model = "all-minilm-l6-v2";
let engine: TestEngine;

before(async () => {
  await ensureRuntime();
  engine = await startTestEngine({ embedding_inputs: 8 });
  await engine.ready(model);
});
after(() => engine.close());

function embed(body: object) {
  return engine.call("POST", "/v1/embeddings", { body: { model, ...body } });
}

async function vectorsOf(input: unknown): Promise<readonly (readonly number[])[]> {
  const { json, text, status } = await embed({ input });
  assert.equal(status, 200, text);
  return json.data.map(({ embedding }) => embedding);
}

function cosine(left: readonly number[] = [], right: readonly number[] = []): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

test("what means the same is nearer than what looks the same", async () => {
  const [question, answer, other] = await vectorsOf([
    "How do I reset my password?",
    "Steps to recover access to an account",
    "How do I bake my bread?",
  ]);
  assert.equal(question?.length, 384);
  assert.ok(Math.abs(cosine(question, question) - 1) < 1e-5, "of length one");
  assert.ok(cosine(question, answer) > cosine(question, other) + 0.1);
});

test("a batch gives each text's own vector, in order, and its tokens", async () => {
  const texts = ["one", "two riders", "three"];
  const batch = await vectorsOf(texts);
  for (const [index, text] of texts.entries()) {
    const [alone] = await vectorsOf(text);
    assert.ok(cosine(alone, batch[index]) > 0.9999, text);
  }
  const { json } = await embed({ input: texts });
  assert.deepEqual(
    json.data.map(({ index }) => index),
    [0, 1, 2],
  );
  assert.deepEqual(json.usage, { prompt_tokens: 10, total_tokens: 10 });
});

test("base64 carries the same numbers as little-endian floats", async () => {
  const [plain] = await vectorsOf("two riders");
  const { json } = await embed({ input: "two riders", encoding_format: "base64" });
  const bytes = Buffer.from(json.data[0].embedding, "base64");
  assert.equal(bytes.length, 384 * 4);
  for (const [index, value] of (plain ?? []).entries()) {
    assert.ok(Math.abs(bytes.readFloatLE(index * 4) - value) < 1e-7);
  }
});

test("what the encoder cannot do is refused with the reason", async () => {
  const refusals: readonly (readonly [body: object, reason: string, status: number])[] = [
    [{ input: "word ".repeat(600) }, "engine.context_overflow", 400],
    [{ input: "" }, "engine.bad_request", 400],
    [{ input: [] }, "engine.bad_request", 400],
    [{ input: ["a", ""] }, "engine.bad_request", 400],
    [{ input: Array.from({ length: 9 }, () => "a") }, "engine.bad_request", 400],
    [{ input: "a", dimensions: 256 }, "engine.unsupported", 400],
    [{ input: [1, 2_000_000] }, "engine.bad_request", 400],
    [{ input: "a", model: "nobody" }, "engine.model_unknown", 404],
  ];
  for (const [body, reason, status] of refusals) {
    const reply = await embed(body);
    assert.equal(reply.json.error.code, reason, JSON.stringify(body));
    assert.equal(reply.status, status);
  }
  assert.equal((await embed({ input: "a", dimensions: 384 })).status, 200);
  assert.equal((await embed({ input: [[2023, 2003], [2023]] })).json.data.length, 2);
});
