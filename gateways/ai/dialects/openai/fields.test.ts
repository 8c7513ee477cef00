import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../core/request/generation-request.ts";
import { adaptBody } from "../../upstream/adapt-body.ts";
import { genericProfile } from "../../upstream/profiles/profile.ts";
import type { JsonObject } from "../reading.ts";
import { openaiFields } from "./fields.ts";
import { openaiDialect } from "./openai-dialect.ts";

/** What a server of which nothing else is known is sent for a request. */
function sentFor(endpoint: Endpoint, request: JsonObject): JsonObject {
  const body = Buffer.from(JSON.stringify(request));
  const read = openaiDialect.read(body, { endpoint, requestId: "req_1" });
  assert.ok(!("problem" in read), JSON.stringify(read));
  const sent = adaptBody(read.request, {
    profile: genericProfile,
    upstreamModel: "theirs",
    tokensMax: undefined,
    messagesJson: undefined,
  });
  return JSON.parse(sent.toString()) as JsonObject;
}

const tools = [{ type: "function", function: { name: "t", parameters: { type: "object" } } }];
const bases: Readonly<Record<Endpoint, JsonObject>> = {
  chat: { model: "m", messages: [{ role: "user", content: "x" }], logprobs: true, tools },
  completions: { model: "m", prompt: "x" },
  embeddings: { model: "m", input: "x" },
};

const values: JsonObject = {
  messages: [{ role: "assistant", content: null, tool_calls: [{ id: "a" }] }],
  stop: ["a", "b"],
  stream: true,
  temperature: 0.25,
  top_p: 0.5,
  frequency_penalty: 1,
  presence_penalty: -1,
  n: 2,
  user: "u",
  user_id: "u-1",
  reasoning_effort: "low",
  response_format: { type: "json_object" },
  tools,
  tool_choice: "required",
  parallel_tool_calls: false,
  logprobs: true,
  top_logprobs: 3,
  prompt: ["a"],
  suffix: "s",
  echo: true,
  input: [[1, 2]],
  encoding_format: "base64",
  dimensions: 64,
};

test("what the table says is carried reaches the server as it came", () => {
  for (const [endpoint, rules] of Object.entries(openaiFields) as [Endpoint, object][]) {
    for (const [name, rule] of Object.entries(rules)) {
      if (rule.fate !== "carried") continue;
      const value = endpoint === "completions" && name === "logprobs" ? 3 : values[name];
      assert.notEqual(value, undefined, `${endpoint}.${name} has a sample`);
      const sent = sentFor(endpoint, { ...bases[endpoint], [name]: value });
      assert.deepEqual(sent[name], value, `${endpoint}.${name}`);
    }
  }
});

test("members that nobody here knows are carried as well", () => {
  const names = fc.stringMatching(/^zz[a-z_]{1,10}$/);
  fc.assert(
    fc.property(names, fc.jsonValue({ maxDepth: 3 }), (name, value) => {
      for (const endpoint of ["chat", "completions", "embeddings"] as const) {
        const sent = sentFor(endpoint, { ...bases[endpoint], [name]: value });
        assert.equal(JSON.stringify(sent[name]), JSON.stringify(value));
      }
    }),
  );
});
