import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonDocument } from "../json-document.ts";
import { scanJson } from "../json-scanner.ts";
import { readUsage } from "../money/token-usage.ts";
import {
  base64ToFloats,
  type EmbeddingsAnswer,
  floatsToBase64,
  readEmbeddings,
  writeEmbeddings,
} from "./embeddings.ts";
import { readWholeAnswer, usageIn, type WholeAnswer, writeWholeAnswer } from "./whole-reader.ts";

const answer = {
  id: "x",
  object: "chat.completion",
  model: "org/theirs",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "hi", reasoning: "hm" },
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } },
};
const usageJson = '{"prompt_tokens":3}';

function whole(value: unknown): WholeAnswer {
  const read = readWholeAnswer(Buffer.from(JSON.stringify(value)));
  assert.ok("document" in read, JSON.stringify(read));
  return read;
}

test("an answer is shown under our name, with our usage and under the key clients know", () => {
  const read = whole(answer);
  assert.equal(read.finishReason, "stop");
  assert.equal(read.usage?.cachedInputTokens, 1);
  const shown = { object: "chat.completion", model: "ours", usageJson, reasoningKey: "reasoning" };
  const written = JSON.parse(writeWholeAnswer(read, shown).toString());
  assert.equal(written.model, "ours");
  assert.deepEqual(written.usage, { prompt_tokens: 3 });
  assert.equal(written.choices[0].message.reasoning_content, "hm");
  assert.equal(written.choices[0].message.reasoning, undefined);
  assert.equal(written.id, "x");
});

test("a missing object and model are put in, since clients check them", () => {
  const { object: _object, model: _model, ...rest } = answer;
  const shown = { object: "chat.completion", model: "m", usageJson, reasoningKey: undefined };
  const written = JSON.parse(writeWholeAnswer(whole(rest), shown).toString());
  assert.equal(written.object, "chat.completion");
  assert.equal(written.model, "m");
});

test("an error with status 200, a page, and an answer without choices are failures", () => {
  const kinds = (text: string): string => {
    const read = readWholeAnswer(Buffer.from(text));
    return "kind" in read ? read.kind : "accepted";
  };
  assert.equal(kinds('{"error":{"message":"boom"}}'), "error_body");
  assert.equal(kinds("<html></html>"), "malformed");
  assert.equal(kinds('{"choices":[]}'), "malformed");
  assert.equal(kinds("[]"), "malformed");
  assert.equal(kinds(JSON.stringify(answer).slice(0, -1)), "malformed");
  assert.equal(kinds(JSON.stringify({ ...answer, error: null })), "accepted");
});

const vector = [0.5, -1.25, 3];

function embeddings(embedding: unknown): EmbeddingsAnswer {
  const body = {
    data: [{ object: "embedding", index: 0, embedding }],
    usage: { prompt_tokens: 4 },
  };
  const read = readEmbeddings(Buffer.from(JSON.stringify(body)));
  assert.ok("document" in read);
  return read;
}

test("vectors reach the client in the form it asked for, whatever the upstream sent", () => {
  const base64 = floatsToBase64(vector);
  for (const sent of [vector, base64]) {
    const read = embeddings(sent);
    assert.equal(read.usage?.inputTokens, 4);
    for (const encoding of ["float", "base64"] as const) {
      const shown = { model: "m", usageJson, encoding };
      const written = JSON.parse(writeEmbeddings(read, shown).toString());
      assert.deepEqual(written.data[0].embedding, encoding === "float" ? vector : base64);
      assert.equal(written.object, "list");
    }
  }
});

test("base64 is little-endian float32, both ways", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true })), (floats) => {
      const bytes = Buffer.from(floatsToBase64(floats), "base64");
      assert.deepEqual(base64ToFloats(bytes.toString("base64")), floats);
    }),
  );
});

test("usage is read in place as it would be read of a parsed answer", () => {
  for (const usage of [
    '{"prompt_tokens":7,"completion_tokens":2}',
    '{"prompt_tokens":7.0,"completion_tokens":2e1,"prompt_cache_hit_tokens":9}',
    '{"prompt_tokens":7,"prompt_cache_hit_tokens":null,"prompt_tokens_details":{"cached_tokens":3}}',
    '{"prompt_tokens":7,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":4}}',
    '{"\\u0070rompt_tokens":7,"prompt_tokens_details":null,"completion_tokens_details":[{"a":1}]}',
    '{"prompt_tokens":7,"completion_tokens":"5","prompt_tokens_details":3}',
    '{"prompt_tokens":-1}',
    '{"prompt_tokens":1.5}',
    '{"prompt_tokens":1e300}',
    '{"completion_tokens":1}',
    "[7]",
    '"prompt_tokens"',
    "null",
  ]) {
    const document = scanJson(Buffer.from(`{"usage":${usage}}`), 3);
    assert.ok(document instanceof JsonDocument);
    assert.deepEqual(usageIn(document), readUsage(JSON.parse(usage)), usage);
  }
});
