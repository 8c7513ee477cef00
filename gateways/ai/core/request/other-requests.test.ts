import assert from "node:assert/strict";
import { test } from "node:test";
import { readCompletionRequest } from "./completion-request.ts";
import { readEmbeddingRequest } from "./embedding-request.ts";
import { isProblem } from "./generation-request.ts";

function bytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

test("a text completion and one that fills the middle are told apart", () => {
  const plain = readCompletionRequest(bytes({ model: "m", prompt: "a" }));
  assert.ok(!isProblem(plain));
  assert.deepEqual(plain.features, ["completions"]);
  const fim = readCompletionRequest(bytes({ model: "m", prompt: "a", suffix: "b", logprobs: 5 }));
  assert.ok(!isProblem(fim));
  assert.deepEqual(fim.features, ["fim"]);
  assert.ok(fim.prompt.textBytes > plain.prompt.textBytes);
});

test("a completion's own rules hold", () => {
  for (const [part, parameter] of [
    [{}, "prompt"],
    [{ prompt: 5 }, "prompt"],
    [{ prompt: "a", suffix: "b", echo: true }, "echo"],
    [{ prompt: "a", logprobs: 1, echo: true }, "echo"],
    [{ prompt: "a", logprobs: true }, "logprobs"],
    [{ prompt: "a", max_tokens: 0 }, "max_tokens"],
    [{ prompt: "a", stream_options: {} }, "stream_options"],
  ] as const) {
    const problem = readCompletionRequest(bytes({ model: "m", ...part }));
    assert.ok(isProblem(problem) && problem.parameter === parameter, JSON.stringify(problem));
  }
});

test("embeddings take a text, texts, tokens or lists of tokens", () => {
  for (const input of ["a", ["a", "b"], [1, 2], [[1], [2]]]) {
    const request = readEmbeddingRequest(bytes({ model: "m", input }));
    assert.ok(!isProblem(request));
    assert.ok(request.isDeterministic);
  }
  for (const input of ["", [], 5, [true], {}, Array(2_049).fill("x")]) {
    const problem = readEmbeddingRequest(bytes({ model: "m", input }));
    assert.ok(isProblem(problem) && problem.parameter === "input");
  }
  const format = readEmbeddingRequest(bytes({ model: "m", input: "a", encoding_format: "hex" }));
  assert.ok(isProblem(format) && format.parameter === "encoding_format");
});
