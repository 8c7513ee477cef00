import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAboutAudio, itemSchema } from "./client-event.ts";
import { Conversation, chatRequest, type KeptItem, noWishes, wishedAlso } from "./conversation.ts";
import { type Chunk, ResponseEvents } from "./response-events.ts";

function message(id: string, role: "user" | "assistant", text: string): KeptItem {
  const content = [{ type: "input_text" as const, text }];
  return { id, status: "completed", type: "message", role, content };
}

function events(): ResponseEvents {
  let items = 0;
  const newItemId = (): string => {
    items += 1;
    return `item_${items}`;
  };
  return new ResponseEvents({
    ...{ id: "resp_1", requestId: "req_1" },
    conversationId: "conv_1",
    metadata: null,
    newItemId,
  });
}

const delta = (content: string): Chunk => ({ choices: [{ delta: { content } }] });

test("items are put where they are wanted, and found, and taken away", () => {
  const conversation = new Conversation();
  assert.deepEqual(conversation.add(message("a", "user", "")), { previous: null });
  assert.deepEqual(conversation.add(message("c", "user", "")), { previous: "a" });
  assert.deepEqual(conversation.add(message("b", "user", ""), "a"), { previous: "a" });
  assert.deepEqual(conversation.add(message("0", "user", ""), "root"), { previous: null });
  assert.equal(conversation.add(message("x", "user", ""), "nobody"), undefined);
  assert.deepEqual(
    conversation.items.map(({ id }) => id),
    ["0", "a", "b", "c"],
  );
  assert.ok(conversation.delete("b") && !conversation.delete("b"));
});

test("a conversation becomes the messages of a chat, calls as turns of the assistant's", () => {
  const call = { type: "function_call", call_id: "c1", name: "f", arguments: "{}" } as const;
  const output = { type: "function_call_output", call_id: "c1", output: "sunny" } as const;
  const tools = [{ type: "function" as const, name: "f", parameters: {} }];
  const tool_choice = { type: "function" as const, name: "f" };
  const wishes = wishedAlso(noWishes, { instructions: "Be brief.", tools, tool_choice });
  const items = [message("a", "user", "hi"), message("b", "assistant", "so"), call, output];
  assert.deepEqual(chatRequest({ model: "m", wishes, items }), {
    model: "m",
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: "so",
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", content: "sunny", tool_call_id: "c1" },
    ],
    tools: [{ type: "function", function: { name: "f", parameters: {} } }],
    tool_choice: { type: "function", function: { name: "f" } },
  });
});

test("however a text comes in pieces, the deltas are the text, and what is done says all of it", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (pieces) => {
      const response = events();
      const told = [...pieces.flatMap((piece) => response.add(delta(piece)))];
      const last = response.end({ status: "completed" });
      const of = (type: string) => [...told, ...last].filter((event) => event.type === type);
      const text = pieces.join("");
      assert.equal(
        of("response.output_text.delta")
          .map((event) => event["delta"])
          .join(""),
        text,
      );
      assert.deepEqual(
        of("response.output_text.done").map((event) => event["text"]),
        [text],
      );
      assert.equal(of("response.output_item.added").length, 1);
      assert.equal(last.at(-1)?.type, "response.done");
    }),
  );
});

test("calls are items of their own, and their arguments come as they are", () => {
  const response = events();
  const call = (index: number, id: string | undefined, args: string): Chunk => ({
    choices: [
      {
        delta: {
          tool_calls: [{ index, ...(id && { id }), function: { name: "f", arguments: args } }],
        },
      },
    ],
  });
  for (const chunk of [call(0, "c0", '{"a"'), call(0, undefined, ":1}"), call(1, "c1", "{}")]) {
    response.add(chunk);
  }
  response.end({ status: "completed" });
  const items = response.items("completed") as readonly { arguments: string; call_id: string }[];
  assert.deepEqual(
    items.map((item) => [item.call_id, item.arguments]),
    [
      ["c0", '{"a":1}'],
      ["c1", "{}"],
    ],
  );
});

test("what is not whole says so, with its reason", () => {
  const endings = [
    [{ status: "completed" }, "length", "incomplete"],
    [{ status: "completed" }, "stop", "completed"],
    [{ status: "cancelled" }, "", "cancelled"],
    [{ status: "failed", error: {} }, "", "failed"],
  ] as const;
  for (const [ending, reason, status] of endings) {
    const response = events();
    response.add({ choices: [{ delta: { content: "so" }, finish_reason: reason || null }] });
    const told = response.end(ending).at(-1)?.["response"] as {
      readonly status: string;
      readonly output: readonly { readonly status: string }[];
    };
    assert.equal(told.status, status);
    const itemStatus = status === "completed" ? "completed" : "incomplete";
    assert.equal(told.output[0]?.status, itemStatus);
  }
});

test("audio is recognised in every place in which it can be asked for", () => {
  const audio = [{ type: "input_audio", audio: "" }];
  for (const event of [
    { type: "input_audio_buffer.commit" },
    { type: "output_audio_buffer.clear" },
    { type: "conversation.item.truncate" },
    { type: "session.update", session: { audio: { output: {} } } },
    { type: "session.update", session: { output_modalities: ["text", "audio"] } },
    { type: "response.create", response: { output_modalities: ["audio"] } },
    { type: "conversation.item.create", item: { content: audio } },
  ]) {
    assert.ok(isAboutAudio(event), JSON.stringify(event));
  }
  assert.ok(!isAboutAudio({ type: "session.update", session: { output_modalities: ["text"] } }));
  assert.ok(!isAboutAudio(null) && !isAboutAudio({ item: { content: [null, 1] } }));
  assert.ok(!itemSchema.safeParse({ type: "message", role: "user", content: audio }).success);
});
