import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitEvents } from "../../core/stream/server-event.ts";
import { MessageForm } from "../../dialects/anthropic/message-form.ts";
import { toCanonical } from "../../dialects/anthropic/read-request.ts";
import { isObject, type JsonObject } from "../../dialects/reading.ts";
import { readMessage } from "./read-message.ts";
import { AnthropicStream } from "./read-stream.ts";
import { writeMessagesRequest } from "./write-request.ts";

const words = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
const ids = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
const input = fc.dictionary(ids, fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
  noNullPrototype: true,
});

const text = words.map((given) => ({ type: "text", text: given }));
const signedThought = fc
  .record({ thinking: words, signature: fc.base64String({ minLength: 4 }) })
  .map((given) => ({ type: "thinking", ...given }));
const redacted = ids.map((data) => ({ type: "redacted_thinking", data }));
const use = fc
  .record({ id: ids, name: ids, input })
  .map((given) => ({ type: "tool_use", ...given }));
const image = fc.oneof(
  fc.base64String({ minLength: 4 }).map((data) => ({
    type: "image",
    source: { type: "base64", media_type: "image/png", data },
  })),
  fc.webUrl().map((url) => ({ type: "image", source: { type: "url", url } })),
);
const paper = fc
  .record({ data: fc.base64String({ minLength: 4 }), title: words })
  .map(({ data, title }) => ({
    type: "document",
    source: { type: "base64", media_type: "application/pdf", data },
    title,
  }));
const result = fc
  .record({ tool_use_id: ids, content: words, is_error: fc.boolean() })
  .map(({ is_error, ...given }) => ({
    type: "tool_result",
    ...given,
    ...(is_error ? { is_error } : {}),
  }));

const userTurn = fc
  .tuple(
    fc.uniqueArray(result, { maxLength: 2, selector: (one) => one.tool_use_id }),
    fc.array(fc.oneof(text, image, paper), { minLength: 1, maxLength: 3 }),
  )
  .map(([results, parts]) => ({ role: "user", content: [...results, ...parts] }));
const assistantTurn = fc
  .tuple(
    fc.oneof(signedThought, redacted),
    fc.array(text, { maxLength: 2 }),
    fc.array(use, { minLength: 1, maxLength: 2 }),
  )
  .map(([thought, texts, uses]) => ({
    role: "assistant",
    content: [thought, ...texts, ...uses],
  }));

const messages = fc
  .tuple(fc.array(fc.tuple(userTurn, assistantTurn), { maxLength: 2 }), userTurn)
  .map(([pairs, last]) => [...pairs.flat(), last].map(withOwnIds));

/** Anthropic refuses a conversation in which two tool uses have the same id. */
function withOwnIds(turn: { role: string; content: object[] }, at: number): object {
  const content = turn.content.map((block) =>
    "tool_use_id" in block ? { ...block, tool_use_id: `${block.tool_use_id}-${at}` } : block,
  );
  return { ...turn, content };
}

const optional = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.option(arbitrary, { nil: undefined });

const thinking = fc.oneof(
  fc
    .integer({ min: 1_024, max: 3_999 })
    .map((budget_tokens) => ({ type: "enabled", budget_tokens })),
  fc.constant({ type: "disabled" }),
  fc.constant({ type: "adaptive" }),
);
const tools = fc.uniqueArray(
  fc.record({ name: ids, description: words, input_schema: fc.constant({ type: "object" }) }),
  { minLength: 1, maxLength: 3, selector: ({ name }) => name },
);

const requests = fc.record({
  model: ids,
  max_tokens: fc.integer({ min: 4_000, max: 9_000 }),
  messages,
  system: optional(words),
  stop_sequences: optional(fc.array(words, { minLength: 1, maxLength: 4 })),
  stream: optional(fc.boolean()),
  top_k: optional(fc.integer({ min: 1, max: 100 })),
  tools,
  tool_choice: optional(
    fc.constantFrom<JsonObject>(
      { type: "auto" },
      { type: "none" },
      { type: "auto", disable_parallel_tool_use: true },
    ),
  ),
  thinking,
  metadata: optional(fc.record({ user_id: fc.oneof(ids, words) })),
  output_config: optional(fc.record({ effort: fc.constantFrom("low", "medium", "high", "max") })),
});

/** What a request means: neighbouring texts of one side are one, and absent members are not there. */
function meaningOf(request: JsonObject): unknown {
  const turns = (request["messages"] as { role: string; content: JsonObject[] }[]).map(
    ({ role, content }) => ({ role, content: joined(content, role === "user" ? "\n\n" : "") }),
  );
  return JSON.parse(JSON.stringify({ ...request, messages: turns }));
}

function joined(blocks: readonly JsonObject[], between: string): JsonObject[] {
  const isAllText = blocks.every(({ type }) => type === "text" || type === "tool_result");
  const out: JsonObject[] = [];
  for (const block of blocks) {
    const last = out.at(-1);
    const joins = last?.["type"] === "text" && block["type"] === "text";
    if (joins && (between === "" || isAllText)) {
      out[out.length - 1] = { type: "text", text: `${last["text"]}${between}${block["text"]}` };
    } else out.push(block);
  }
  return out;
}

test("an Anthropic request that goes through the canonical form means the same at Anthropic", () => {
  fc.assert(
    fc.property(requests, (given) => {
      const request = JSON.parse(JSON.stringify(given)) as JsonObject;
      const { canonical, ignored } = toCanonical(request);
      assert.deepEqual(ignored, []);
      const back = writeMessagesRequest(JSON.parse(JSON.stringify(canonical)));
      assert.deepEqual(meaningOf(back), meaningOf(request));
    }),
    { numRuns: 300 },
  );
});

test("a marked prefix is marked again, at places of ours", () => {
  const mark = { type: "ephemeral" };
  const { canonical } = toCanonical({
    model: "m",
    max_tokens: 10,
    system: [{ type: "text", text: "s", cache_control: mark }],
    messages: [{ role: "user", content: "x" }],
  });
  const back = writeMessagesRequest(canonical);
  assert.deepEqual(back["system"], [{ type: "text", text: "s", cache_control: mark }]);
  const [turn] = back["messages"] as { content: JsonObject[] }[];
  assert.deepEqual(turn?.content, [{ type: "text", text: "x", cache_control: mark }]);
});

const answers = fc.record({
  id: ids.map((id) => `msg_${id}`),
  model: ids,
  thought: optional(signedThought),
  text: optional(text),
  uses: fc.array(use, { maxLength: 3 }),
  stop_reason: fc.constantFrom("end_turn", "max_tokens", "refusal"),
  usage: fc.record({
    input_tokens: fc.nat(9_999),
    cache_read_input_tokens: fc.nat(999),
    output_tokens: fc.nat(9_999),
  }),
});

type Answer = typeof answers extends fc.Arbitrary<infer Value> ? Value : never;

function messageOf({
  id,
  model,
  thought,
  text: said,
  uses,
  stop_reason,
  usage,
}: Answer): JsonObject {
  return {
    ...{ id, type: "message", role: "assistant", model },
    content: [...(thought ? [thought] : []), ...(said ? [said] : []), ...uses],
    stop_reason: uses.length > 0 ? "tool_use" : stop_reason,
    stop_sequence: null,
    usage: { ...usage, cache_creation_input_tokens: 0 },
  };
}

/** The events of a message, in pieces of a few characters. */
function eventsOf(message: JsonObject): Buffer {
  let out = "";
  const push = (type: string, members: object): void => {
    out += `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
  };
  push("message_start", { message: { ...message, content: [], stop_reason: null } });
  push("ping", {});
  for (const [index, block] of (message["content"] as JsonObject[]).entries()) {
    const { start, deltas } = piecesOf(block);
    push("content_block_start", { index, content_block: start });
    for (const delta of deltas) push("content_block_delta", { index, delta });
    push("content_block_stop", { index });
  }
  const { stop_reason, stop_sequence, usage } = message;
  push("message_delta", { delta: { stop_reason, stop_sequence }, usage });
  push("message_stop", {});
  return Buffer.from(out);
}

function piecesOf(block: JsonObject): { start: JsonObject; deltas: JsonObject[] } {
  const cut = (whole: unknown) =>
    [...String(whole)].map((_, at, all) => all.slice(at, at + 1).join(""));
  if (block["type"] === "text") {
    const deltas = cut(block["text"]).map((piece) => ({ type: "text_delta", text: piece }));
    return { start: { type: "text", text: "" }, deltas };
  }
  if (block["type"] === "thinking") {
    const thoughts = cut(block["thinking"]).map((piece) => ({
      type: "thinking_delta",
      thinking: piece,
    }));
    const sign = { type: "signature_delta", signature: block["signature"] };
    return {
      start: { type: "thinking", thinking: "", signature: "" },
      deltas: [...thoughts, sign],
    };
  }
  const json = cut(JSON.stringify(block["input"])).map((partial_json) => ({
    type: "input_json_delta",
    partial_json,
  }));
  return { start: { ...block, input: {} }, deltas: json };
}

/** Puts the events that a client of Anthropic's gets together again, as its SDK does. */
function assembled(events: string): JsonObject {
  let message: JsonObject = {};
  const blocks: Record<string, unknown>[] = [];
  let isOver = false;
  for (const event of splitEvents(Buffer.from(events))) {
    const data = JSON.parse(event.split("data: ")[1] ?? "") as JsonObject;
    const index = Number(data["index"]);
    if (data["type"] === "message_start") message = data["message"] as JsonObject;
    else if (data["type"] === "content_block_start") {
      assert.equal(index, blocks.length, "blocks follow one another");
      const start = data["content_block"] as JsonObject;
      blocks.push({ ...start, ...(start["type"] === "tool_use" ? { json: "" } : {}) });
    } else if (data["type"] === "content_block_delta") {
      const delta = data["delta"] as Record<string, string>;
      const block = blocks[index];
      assert.ok(block);
      if (delta["type"] === "text_delta") block["text"] += delta["text"] ?? "";
      else if (delta["type"] === "thinking_delta") block["thinking"] += delta["thinking"] ?? "";
      else if (delta["type"] === "signature_delta") block["signature"] = delta["signature"];
      else block["json"] += delta["partial_json"] ?? "";
    } else if (data["type"] === "message_delta") {
      message = { ...message, ...(data["delta"] as JsonObject), usage: data["usage"] };
    } else if (data["type"] === "message_stop") isOver = true;
  }
  assert.ok(isOver);
  const content = blocks.map(({ json, ...block }) =>
    json === undefined ? block : { ...block, input: json === "" ? {} : JSON.parse(String(json)) },
  );
  return { ...message, content };
}

test("an Anthropic answer comes through the canonical form as it was, streamed at any cut or whole", () => {
  fc.assert(
    fc.property(answers, fc.array(fc.nat(), { maxLength: 8 }), (given, cuts) => {
      const message = messageOf(JSON.parse(JSON.stringify(given)) as Answer);
      const whole = readMessage(Buffer.from(JSON.stringify(message)), 0);
      const form = new MessageForm({ stopSequences: [], promptTokens: 0 });
      assert.deepEqual(JSON.parse(form.whole(whole)), message);
      const bytes = eventsOf(message);
      const stream = new AnthropicStream(0);
      const teller = new MessageForm({ stopSequences: [], promptTokens: 0 });
      const places = [...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
      let from = 0;
      let told = "";
      for (const to of places) {
        const canonical = stream.push(bytes.subarray(from, to));
        if (canonical !== undefined) told += teller.events(canonical);
        from = to;
      }
      assert.deepEqual(assembled(told), message);
    }),
    { numRuns: 200 },
  );
});

test("what is no Anthropic stream never becomes a whole canonical one", () => {
  const events = eventsOf(
    messageOf({
      id: "msg_1",
      model: "m",
      thought: undefined,
      text: { type: "text", text: "hello" },
      uses: [],
      stop_reason: "end_turn",
      usage: { input_tokens: 1, cache_read_input_tokens: 0, output_tokens: 1 },
    }),
  );
  const end = events.lastIndexOf("event: message_stop");
  for (let cut = 0; cut < events.length - 1; cut += 1) {
    const stream = new AnthropicStream(0);
    const told = stream.push(events.subarray(0, cut))?.toString() ?? "";
    assert.ok(!told.includes("[DONE]"), `cut at ${cut} of ${end}`);
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!isObject(value) || typeof value["type"] !== "string");
      const stream = new AnthropicStream(0);
      const told = stream.push(Buffer.from(`data: ${JSON.stringify(value)}\n\n`))?.toString();
      assert.equal(told, "data: nonsense\n\n");
    }),
  );
});
