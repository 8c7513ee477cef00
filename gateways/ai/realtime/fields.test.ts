import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import type { JsonObject } from "../dialects/reading.ts";
import {
  assertTableHolds,
  differing,
  type FieldSamples,
  type Read,
} from "../testing/field-samples.ts";
import { chatRequest, noWishes, wishedAlso } from "./conversation.ts";
import { realtimeFields } from "./fields.ts";
import { readEvent } from "./read-event.ts";

/** What an event comes to: the chat that follows from it, and what is told or kept of it. */
function read(given: JsonObject): Read {
  try {
    const { event, ignored } = readEvent(JSON.parse(JSON.stringify(given)));
    const of = (wished: Parameters<typeof wishedAlso>[1], items: object[] = []) =>
      chatRequest({
        model: "m",
        wishes: wishedAlso(noWishes, wished),
        items: items as Parameters<typeof chatRequest>[0]["items"][number][],
      });
    if (event.type === "session.update") return { canonical: { of: of(event.session) }, ignored };
    if (event.type === "conversation.item.create") {
      return { canonical: { of: of({}, [event.item]), id: event.item.id }, ignored };
    }
    assert.equal(event.type, "response.create");
    const { input = [], metadata, conversation } = event.response ?? {};
    return {
      canonical: { of: of(event.response ?? {}, input), metadata, conversation },
      ignored,
    };
  } catch (error) {
    if (!Fault.is(error)) throw error;
    const parameter = String(error.context["parameter"] ?? "audio");
    return { problem: "invalid", parameter, message: error.publicMessage };
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

const fn = { type: "function", name: "t" };
const wishes = {
  instructions: "be short",
  tools: [fn],
  max_output_tokens: 5,
  audio: {},
  prompt: { id: "p" },
  parallel_tool_calls: false,
  reasoning: { effort: "low" },
  temperature: 0.5,
};

const inSession = (name: string, value: unknown) =>
  differing({ type: "session.update" }, (given) => ({ session: { [name]: given } }), value);
const inResponse = (name: string, value: unknown) =>
  differing({ type: "response.create" }, (given) => ({ response: { [name]: given } }), value);
const choosing = (kind: "session" | "response") =>
  differing(
    { type: kind === "session" ? "session.update" : "response.create" },
    (given) => ({ [kind]: { tools: [fn], tool_choice: given } }),
    "required",
  );
const inItem = (item: JsonObject) => (name: string, value: unknown) =>
  differing(
    { type: "conversation.item.create" },
    (given) => ({ item: { ...item, [name]: given } }),
    value,
  );
const inTool = (name: string, value: unknown) =>
  inSession("tools", [{ ...fn, [name]: value }]).with;
const inChoice = (name: string, value: unknown) =>
  differing(
    { type: "session.update" },
    (given) => ({ session: { tools: [fn], tool_choice: { ...fn, [name]: given } } }),
    value,
  );
const inPart = (name: string, value: unknown) => {
  const part = { type: "input_text", text: "z" };
  return inItem({ type: "message", role: "user" })("content", [{ ...part, [name]: value }]).with;
};
const apart =
  (sampleOf: (name: string, value: unknown) => JsonObject) =>
  (name: string, value: unknown): Sample => ({
    with: sampleOf(name, value),
    without: sampleOf(name, undefined),
  });

const words = [{ type: "input_text", text: "z" }];
const kept = { id: "item_9", object: "realtime.item", status: "completed" };

const samples: FieldSamples = {
  ...of(
    "session",
    { ...wishes, model: "n", include: ["a"], tracing: "auto", truncation: "auto" },
    inSession,
  ),
  "session.tool_choice": choosing("session"),
  ...of(
    "response",
    {
      ...wishes,
      conversation: "none",
      input: [{ type: "message", role: "user", content: words }],
      metadata: { a: "b" },
    },
    inResponse,
  ),
  "response.tool_choice": choosing("response"),
  ...of(
    "message",
    { type: "message", role: "system", content: words, ...kept },
    inItem({ type: "message", role: "user", content: [{ type: "input_text", text: "y" }] }),
  ),
  ...of("text_part", { type: "text", text: "w" }, apart(inPart)),
  ...of(
    "function_call",
    { type: "function_call", call_id: "d", name: "u", arguments: '{"a":1}', ...kept },
    inItem({ type: "function_call", call_id: "c", name: "t", arguments: "{}" }),
  ),
  ...of(
    "function_call_output",
    { type: "function_call_output", call_id: "d", output: "p", ...kept },
    inItem({ type: "function_call_output", call_id: "c", output: "o" }),
  ),
  ...of(
    "tool",
    {
      ...{ type: "function", name: "u", description: "d" },
      ...{ parameters: { type: "object" }, strict: true },
    },
    apart(inTool),
  ),
  ...of("tool_choice", { type: "function", name: "u" }, inChoice),
};

test("every row of the table is what becomes of the field", () => {
  assertTableHolds(realtimeFields, samples, read);
});

test("what is in no table is told as ignored, by its place", () => {
  const content = [{ type: "input_text", text: "z", some_news: 1 }];
  const { ignored } = readEvent({
    type: "response.create",
    response: {
      some_news: 1,
      tools: [{ ...fn, more_news: 2 }],
      input: [{ type: "message", role: "user", content }],
    },
  });
  assert.deepEqual(ignored, [
    "response.some_news",
    "response.tools[].more_news",
    "response.input[].content[].some_news",
  ]);
});
