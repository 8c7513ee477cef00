import assert from "node:assert/strict";
import { test } from "node:test";
import { readModels } from "./read-models.ts";

test("models and their context are read from the forms that servers use", () => {
  const vllm = '{"object":"list","data":[{"id":"Qwen/Qwen3-32B","max_model_len":40960}]}';
  assert.deepEqual(readModels(vllm), [
    { name: "Qwen/Qwen3-32B", contextTokens: 40960, capabilities: ["chat", "completions"] },
  ]);
  const llama = '{"data":[{"id":"m.gguf","meta":{"n_ctx_train":2048}}]}';
  assert.equal(readModels(llama)?.[0]?.contextTokens, 2048);
  const ollama = '{"models":[{"name":"llama3:8b"},{"name":"nomic-embed-text"}]}';
  assert.deepEqual(
    readModels(ollama)?.map((model) => [model.name, model.capabilities[0]]),
    [
      ["llama3:8b", "chat"],
      ["nomic-embed-text", "embeddings"],
    ],
  );
});

test("what is no list of models is not taken for an empty one", () => {
  for (const text of ["<html>", "[]", "null", '{"data":{}}', '{"error":{"message":"no"}}']) {
    assert.equal(readModels(text), undefined, text);
  }
  assert.deepEqual(readModels('{"data":[{}, 3, null, {"id":""}]}'), []);
});
