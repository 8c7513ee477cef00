import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertTableHolds,
  differing,
  type FieldSamples,
  type Read,
} from "../../testing/field-samples.ts";
import { type JsonObject, Refusal } from "../reading.ts";
import { anthropicFields } from "./fields.ts";
import { readMessagesRequest, toCanonical } from "./read-request.ts";

const base = {
  model: "m",
  max_tokens: 9,
  messages: [{ role: "user", content: "x" }],
};

function read(request: JsonObject): Read {
  try {
    return toCanonical(JSON.parse(JSON.stringify(request)));
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
}

type Sample = ReturnType<typeof differing>;
type Named = readonly [name: string, sample: Sample];

/** For each of these values a sample with its name. */
function each(values: JsonObject, sampleOf: (name: string, value: unknown) => Sample): Named[] {
  return Object.entries(values).map(([name, value]) => [name, sampleOf(name, value)]);
}

const inRequest = (name: string, value: unknown) =>
  differing(base, (given) => ({ [name]: given }), value);

/** A member of one block of a user's, or of the assistant's, message. */
function inBlock(block: JsonObject, name: string, value: unknown, role = "user") {
  const turn = (given: unknown) => ({ role, content: [{ ...block, [name]: given }] });
  const messages = (given: unknown): JsonObject => ({
    messages: role === "user" ? [turn(given)] : [...base.messages, turn(given), ...base.messages],
  });
  return differing(base, messages, value);
}

function inBlocks(block: JsonObject, values: JsonObject, role = "user") {
  return each(values, (name, value) => inBlock(block, name, value, role));
}

function inMember(member: string, object: JsonObject, values: JsonObject) {
  const change = (name: string) => (given: unknown) => ({ [member]: { ...object, [name]: given } });
  return each(values, (name, value) => differing(base, change(name), value));
}

function of(kind: string, samples: readonly Named[]): FieldSamples {
  return Object.fromEntries(samples.map(([name, sample]) => [`${kind}.${name}`, sample]));
}

const mark = { type: "ephemeral" };
const schema = { type: "object", properties: { a: { type: "string" } } };
const tool = { name: "t", input_schema: { type: "object" } };
const inTool = (values: JsonObject) =>
  each(values, (name, value) =>
    differing(base, (given) => ({ tools: [{ ...tool, [name]: given }] }), value),
  );
const choice = (object: JsonObject, values: JsonObject) =>
  each(values, (name, value) =>
    differing(
      { ...base, tools: [tool] },
      (given) => ({ tool_choice: { ...object, [name]: given } }),
      value,
    ),
  );
const text = { type: "text", text: "hi" };
const imageOf = (source: JsonObject) => ({ type: "image", source });
const base64 = { type: "base64", media_type: "image/png", data: "aGk=" };
const inSource = (type: string, source: JsonObject, values: JsonObject) =>
  each(values, (name, value) => inBlock({ type, source }, "source", { ...source, [name]: value }));
const thought = { type: "thinking", thinking: "hm", signature: "s" };
const use = { type: "tool_use", id: "u", name: "t", input: {} };
const result = { type: "tool_result", tool_use_id: "u", content: "r" };

const samples: FieldSamples = {
  ...of(
    "request",
    each(
      {
        model: "other[1m]",
        max_tokens: 10,
        messages: [{ role: "user", content: "y" }],
        system: "be short",
        stop_sequences: ["END"],
        stream: true,
        temperature: 0.5,
        top_p: 0.5,
        top_k: 5,
        tools: [tool],
        thinking: { type: "disabled" },
        output_config: { effort: "low" },
        output_format: { type: "json_schema", schema },
        metadata: { user_id: "u 1" },
        cache_control: mark,
        service_tier: "auto",
        inference_geo: "eu",
        speed: "fast",
        betas: ["b"],
        context_management: {},
        container: "c",
        mcp_servers: [],
      },
      inRequest,
    ),
  ),
  "request.tool_choice": differing(
    { ...base, tools: [tool] },
    (given) => ({ tool_choice: given }),
    { type: "any" },
  ),
  ...of("metadata", inMember("metadata", {}, { user_id: "id-1" })),
  ...of(
    "output_config",
    inMember(
      "output_config",
      {},
      {
        effort: "max",
        format: { type: "json_schema", schema },
        task_budget: { total: 1 },
      },
    ),
  ),
  ...of(
    "output_format",
    inMember(
      "output_format",
      { type: "json_schema", schema: {} },
      {
        type: "json_schema",
        schema,
        name: "n",
      },
    ),
  ),
  ...of(
    "thinking",
    inMember(
      "thinking",
      { type: "enabled" },
      {
        type: "adaptive",
        budget_tokens: 2_000,
        display: "summarized",
      },
    ),
  ),
  ...of("tool_choice", choice({ type: "auto" }, { type: "any", disable_parallel_tool_use: true })),
  ...of("tool_choice", choice({ type: "tool", name: "a" }, { name: "t" })),
  ...of(
    "tool",
    inTool({
      name: "u",
      description: "d",
      input_schema: schema,
      strict: true,
      cache_control: mark,
      input_examples: [{}],
      defer_loading: true,
      allowed_callers: ["direct"],
      eager_input_streaming: true,
    }),
  ),
  // `custom` is what a tool is anyway; any other type is refused.
  "tool.type": {
    with: { ...base, tools: [{ ...tool, type: "custom" }] },
    without: { ...base, tools: [{ ...tool, type: "bash_20250124" }] },
  },
  "message.role": differing(
    base,
    (role) => ({ messages: [...base.messages, { role, content: "x" }] }),
    "assistant",
  ),
  "message.content": differing(base, (content) => ({ messages: [{ role: "user", content }] }), "z"),
  ...of("text", inBlocks(text, { type: "text", text: "ho", cache_control: mark, citations: [{}] })),
  ...of(
    "image",
    inBlocks(imageOf(base64), {
      type: "image",
      source: { ...base64, data: "aG8=" },
      cache_control: mark,
    }),
  ),
  ...of("image_source", [
    ...inSource("image", base64, { type: "base64", media_type: "image/gif", data: "aG8=" }),
    ...inSource("image", { type: "url", url: "https://a/b" }, { url: "https://a/c" }),
    ...inSource("image", { type: "file" }, { file_id: "f" }),
  ]),
  ...of(
    "document",
    inBlocks(
      { type: "document", source: base64 },
      {
        type: "document",
        source: { ...base64, media_type: "application/pdf" },
        title: "t",
        context: "c",
        citations: { enabled: true },
        cache_control: mark,
      },
    ),
  ),
  ...of("document_source", [
    ...inSource("document", base64, { type: "text", media_type: "text/x", data: "aG8=" }),
    ...inSource("document", { type: "url" }, { url: "https://a" }),
    ...inSource("document", { type: "file" }, { file_id: "f" }),
    ...inSource("document", { type: "content" }, { content: "c" }),
  ]),
  ...of(
    "thinking_block",
    inBlocks(thought, { type: "thinking", thinking: "ha", signature: "z" }, "assistant"),
  ),
  ...of(
    "redacted_thinking",
    inBlocks(
      { type: "redacted_thinking", data: "d" },
      { type: "redacted_thinking", data: "e" },
      "assistant",
    ),
  ),
  ...of(
    "tool_use",
    inBlocks(
      use,
      {
        type: "tool_use",
        id: "v",
        name: "w",
        input: { a: 1 },
        caller: { type: "direct" },
        cache_control: mark,
      },
      "assistant",
    ),
  ),
  ...of(
    "tool_result",
    inBlocks(result, {
      type: "tool_result",
      tool_use_id: "v",
      content: [text],
      is_error: true,
      cache_control: mark,
    }),
  ),
};

test("every member of the table has the fate that the table says", () => {
  assertTableHolds(anthropicFields, samples, read);
});

test("a member that is in no table is told, wherever it stands", () => {
  const names = fc.stringMatching(/^zz[a-z_]{1,10}$/);
  fc.assert(
    fc.property(names, fc.jsonValue(), (name, value) => {
      fc.pre(value !== null);
      const odd = { [name]: value };
      const given = read({
        ...base,
        ...odd,
        tools: [{ ...tool, ...odd }],
        messages: [{ role: "user", content: [{ ...text, ...odd }], ...odd }],
      });
      assert.ok(!("problem" in given));
      assert.deepEqual(
        [...given.ignored].sort(),
        [name, `messages[].${name}`, `messages[].content[].${name}`, `tools[].${name}`].sort(),
      );
    }),
  );
});

test("no body makes the reader fail otherwise than by saying what is wrong", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string(), (value, name) => {
      for (const body of [
        JSON.stringify(value),
        JSON.stringify({ ...base, messages: value }),
        JSON.stringify({ ...base, [name]: value, tools: value }),
        JSON.stringify({ ...base, messages: [{ role: "user", content: [value] }] }),
      ]) {
        const given = readMessagesRequest(Buffer.from(body));
        if ("problem" in given) assert.ok(given.message.length > 0);
      }
    }),
  );
});
