import assert from "node:assert/strict";
import { test } from "node:test";
import { readChatRequest } from "../../core/request/chat-request.ts";
import type { JsonObject } from "../../dialects/reading.ts";
import { anthropicProfile } from "../profiles/anthropic.ts";
import { anthropicUpstreamFields } from "./fields.ts";
import { writeMessagesRequest } from "./write-request.ts";

const tool = { type: "function", function: { name: "t", parameters: { type: "object" } } };
const base = { model: "m", messages: [{ role: "user", content: "x" }], tools: [tool] };

const values: JsonObject = {
  model: "n",
  messages: [{ role: "user", content: "y" }],
  max_tokens: 9_000,
  max_completion_tokens: 9_000,
  stop: "END",
  stream: true,
  temperature: 1.5,
  top_p: 0.5,
  top_k: 5,
  tools: [tool, { type: "function", function: { name: "u" } }],
  tool_choice: "required",
  parallel_tool_calls: false,
  thinking: { type: "enabled" },
  reasoning_effort: "low",
  response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } },
  user: "u",
  user_id: "u-1",
  x_tandem: { cache_control: { type: "ephemeral" } },
  n: 2,
  logprobs: true,
  audio: { voice: "a" },
  modalities: ["audio"],
  frequency_penalty: 1,
  presence_penalty: 1,
  seed: 1,
  logit_bias: { 5: 1 },
};

test("every member of a request has the fate at an Anthropic upstream that the table says", () => {
  const before = JSON.stringify(writeMessagesRequest(base));
  const { speech } = anthropicProfile;
  assert.ok(speech);
  for (const [name, { fate }] of Object.entries(anthropicUpstreamFields["chat"] ?? {})) {
    const more = name === "top_logprobs" ? { logprobs: true, [name]: 3 } : { [name]: values[name] };
    const request = { ...base, ...more };
    const read = readChatRequest(Buffer.from(JSON.stringify(request)));
    if (name !== "stream_options") {
      assert.ok(!("problem" in read), `${name}: ${JSON.stringify(read)}`);
      assert.equal(speech.unheard(read).includes(name), fate === "ignored", name);
      assert.equal(speech.unsayable(read) !== undefined, fate === "refused", name);
    }
    const isSame = JSON.stringify(writeMessagesRequest(request)) === before;
    // Usage comes in every stream there, so nothing has to be said for it.
    if (fate !== "refused" && name !== "stream_options") {
      assert.equal(isSame, fate === "ignored", name);
    }
  }
});
