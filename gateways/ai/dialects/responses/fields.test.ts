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
import { responsesFields } from "./fields.ts";
import { readResponsesRequest, toCanonical } from "./read-request.ts";

const base = { model: "m", input: "x" };

/** What the answer repeats, or is kept by, counts as well as what a model is asked. */
function read(request: JsonObject): Read {
  try {
    const given = JSON.parse(JSON.stringify(request)) as JsonObject;
    const { canonical, ignored } = toCanonical(given);
    const whole = readResponsesRequest(Buffer.from(JSON.stringify(given)));
    if ("problem" in whole) return { canonical, ignored };
    const { previousId, isStored, isBackground, echo } = whole;
    const told = { previousId, isStored, isBackground, metadata: echo["metadata"] };
    return { canonical: { ...canonical, told }, ignored };
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
}

type Sample = ReturnType<typeof differing>;

function of(kind: string, values: JsonObject, sampleOf: (name: string, value: unknown) => Sample) {
  const samples = Object.entries(values).map(([name, value]) => [
    `${kind}.${name}`,
    sampleOf(name, value),
  ]);
  return Object.fromEntries(samples) as FieldSamples;
}

const inRequest = (name: string, value: unknown) =>
  differing(base, (given) => ({ [name]: given }), value);
const inMember = (member: string, object: JsonObject) => (name: string, value: unknown) =>
  differing(base, (given) => ({ [member]: { ...object, [name]: given } }), value);
const inTool = (tool: JsonObject) => (name: string, value: unknown) =>
  differing(base, (given) => ({ tools: [{ ...tool, [name]: given }] }), value);
const inItem = (item: JsonObject) => (name: string, value: unknown) =>
  differing(
    base,
    (given) => ({
      input: [
        { ...item, [name]: given },
        { role: "assistant", content: "y" },
      ],
    }),
    value,
  );
const inPart = (part: JsonObject) => (name: string, value: unknown) =>
  differing(
    base,
    (given) => ({ input: [{ role: "user", content: [{ ...part, [name]: given }] }] }),
    value,
  );
const inFormat = (name: string, value: unknown) =>
  differing(
    base,
    (given) => ({ text: { format: { type: "json_schema", schema: {}, [name]: given } } }),
    value,
  );

const fn = { type: "function", name: "t" };
const words = [{ type: "reasoning_text", text: "hm" }];
const call = { type: "function_call", call_id: "c", name: "t", arguments: "{}" };
const custom = { type: "custom_tool_call", call_id: "c", name: "t", input: "i" };
const output = { type: "function_call_output", call_id: "c", output: "o" };

const samples: FieldSamples = {
  ...of(
    "request",
    {
      model: "n",
      input: "y",
      instructions: "be short",
      stream: true,
      temperature: 0.5,
      top_p: 0.5,
      max_output_tokens: 5,
      tools: [fn],
      text: { format: { type: "json_object" } },
      reasoning: { effort: "low" },
      user: "u",
      conversation: { id: "conv_1" },
      previous_response_id: "resp_1",
      store: false,
      metadata: { a: "b" },
      background: true,
      prompt: { id: "p" },
      include: ["a"],
      truncation: "auto",
      service_tier: "flex",
      prompt_cache_key: "k",
      prompt_cache_retention: "24h",
      safety_identifier: "s",
      stream_options: {},
      max_tool_calls: 3,
      top_logprobs: 2,
      client_metadata: {},
      context_management: [],
    },
    inRequest,
  ),
  "request.tool_choice": differing(
    { ...base, tools: [fn] },
    (given) => ({ tool_choice: given }),
    "required",
  ),
  "request.parallel_tool_calls": differing(
    { ...base, tools: [fn] },
    (given) => ({ parallel_tool_calls: given }),
    false,
  ),
  ...of("text", { format: { type: "json_object" }, verbosity: "low" }, inMember("text", {})),
  ...of(
    "format",
    { type: "json_object", name: "n", schema: { a: 1 }, strict: true, description: "d" },
    inFormat,
  ),
  ...of(
    "reasoning",
    { effort: "high", summary: "auto", generate_summary: "auto" },
    inMember("reasoning", {}),
  ),
  ...of(
    "function",
    {
      type: "function",
      name: "u",
      description: "d",
      parameters: { type: "object" },
      strict: true,
      defer_loading: true,
    },
    inTool(fn),
  ),
  ...of(
    "custom",
    {
      type: "custom",
      name: "u",
      description: "d",
      format: { type: "grammar", definition: "g" },
      defer_loading: true,
    },
    inTool({ type: "custom", name: "t" }),
  ),
  ...of(
    "namespace",
    { name: "m", description: "d", tools: [{ ...fn, name: "u" }] },
    inTool({ type: "namespace", name: "n", tools: [fn] }),
  ),
  ...of("namespace", { type: "namespace" }, inTool({ type: "odd", name: "n", tools: [fn] })),
  ...of(
    "message",
    { role: "system", content: "w", id: "i", status: "completed", phase: "final" },
    inItem({ role: "user", content: "z" }),
  ),
  ...of(
    "text_part",
    { type: "output_text", text: "w", annotations: [{}], logprobs: [{}] },
    inPart({ text: "z" }),
  ),
  ...of(
    "text_part",
    { text: "w", annotations: [{}], logprobs: [{}] },
    inPart({ type: "input_text", text: "z" }),
  ),
  ...of(
    "refusal_part",
    { type: "refusal", refusal: "no" },
    inPart({ type: "refusal", refusal: "nay" }),
  ),
  ...of(
    "image_part",
    { type: "input_image", image_url: "https://a/c", detail: "low", file_id: "f" },
    inPart({ type: "input_image", image_url: "https://a/b" }),
  ),
  ...of(
    "file_part",
    {
      type: "input_file",
      file_data: "data:x",
      filename: "f",
      file_id: "f",
      file_url: "https://a",
    },
    inPart({ type: "input_file", file_data: "data:y" }),
  ),
  ...of(
    "reasoning_item",
    {
      type: "reasoning",
      content: words,
      summary: [{ text: "s" }],
      id: "i",
      status: "completed",
      encrypted_content: "e",
    },
    inItem({ type: "reasoning" }),
  ),
  ...of(
    "function_call",
    {
      type: "function_call",
      call_id: "d",
      name: "u",
      arguments: '{"a":1}',
      id: "i",
      status: "completed",
      namespace: "n",
    },
    inItem(call),
  ),
  ...of(
    "custom_tool_call",
    {
      ...{ type: "custom_tool_call", call_id: "d", name: "u", input: "j", id: "i", status: "s" },
      namespace: "n",
    },
    inItem(custom),
  ),
  ...of(
    "output",
    { type: "custom_tool_call_output", call_id: "d", output: "p", id: "i", status: "s" },
    inItem(output),
  ),
};
/** A type that means what it would mean without it; any other is refused. */
function typeOf(item: JsonObject): Sample {
  const typed = (type: unknown) => ({ ...base, input: [{ ...item, type }] });
  return { with: typed(item["type"]), without: typed("odd") };
}
const typed = {
  ...samples,
  "output.type": typeOf(output),
  "message.type": typeOf({ type: "message", role: "user", content: "z" }),
};

test("every member of the table has the fate that the table says", () => {
  assertTableHolds(responsesFields, typed, read);
});

test("a member that is in no table is told, wherever it stands", () => {
  const names = fc.stringMatching(/^zz[a-z_]{1,10}$/);
  fc.assert(
    fc.property(names, (name) => {
      const given = read({
        ...base,
        [name]: 1,
        tools: [{ ...fn, [name]: 1 }],
        input: [{ role: "user", content: "x", [name]: 1 }],
      });
      assert.ok(!("problem" in given));
      assert.deepEqual([...given.ignored].sort(), [`input[].${name}`, `tools[].${name}`, name]);
    }),
  );
});

test("no body makes the reader fail otherwise than by saying what is wrong", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string(), (value, name) => {
      for (const body of [
        JSON.stringify(value),
        JSON.stringify({ ...base, input: value }),
        JSON.stringify({ ...base, [name]: value, tools: value, text: value }),
        JSON.stringify({ ...base, input: [value], tool_choice: value }),
      ]) {
        const given = readResponsesRequest(Buffer.from(body));
        if ("problem" in given) assert.ok(given.message.length > 0);
      }
    }),
  );
});
