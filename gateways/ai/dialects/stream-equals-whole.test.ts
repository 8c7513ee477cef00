import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { replayAsStream } from "../core/stream/replay-answer.ts";
import { splitEvents } from "../core/stream/server-event.ts";
import { StreamReader } from "../core/stream/stream-reader.ts";
import { MessageForm } from "./anthropic/message-form.ts";
import type { JsonObject } from "./reading.ts";
import { ResponseForm } from "./responses/response-form.ts";
import { noToolNames } from "./responses/tool-names.ts";

const words = fc.string({ maxLength: 20, unit: "grapheme" });
const ids = fc.stringMatching(/^[a-z0-9]{1,12}$/);
const args = fc.dictionary(ids, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true });
const calls = fc.array(fc.record({ id: ids, name: ids, input: args }), { maxLength: 3 });

/** A whole canonical answer. */
const answers = fc
  .record({
    id: ids,
    content: words,
    reasoning: words,
    calls,
    finish: fc.constantFrom("stop", "length", "content_filter", "insufficient_system_resource"),
    prompt: fc.nat(9_999),
    cached: fc.nat(99),
    completion: fc.nat(9_999),
  })
  .map(({ id, content, reasoning, calls: made, finish, prompt, cached, completion }) => ({
    ...{ id, object: "chat.completion", created: 5, model: "m" },
    choices: [
      {
        index: 0,
        message: {
          ...{ role: "assistant", content, reasoning_content: reasoning },
          tool_calls: made.map(({ id: callId, name, input }, index) => ({
            ...{ index, id: callId, type: "function" },
            function: { name, arguments: JSON.stringify(input) },
          })),
        },
        finish_reason: made.length > 0 ? "tool_calls" : finish,
      },
    ],
    usage: {
      prompt_tokens: prompt + cached,
      completion_tokens: completion,
      prompt_cache_hit_tokens: cached,
    },
  }));

/** The data of the events, with every name held against its type. */
function eventsOf(text: string): JsonObject[] {
  return splitEvents(Buffer.from(text)).map((event) => {
    const [name = "", data = ""] = event.split("\n");
    const value = JSON.parse(data.slice(6)) as JsonObject;
    assert.equal(name, `event: ${value["type"]}`);
    return value;
  });
}

test("a response's last event is the whole response, however the stream is cut into pieces", () => {
  fc.assert(
    fc.property(answers, fc.boolean(), (answer, isSplit) => {
      const envelope = {
        id: "resp_1",
        echo: {},
        toolNames: noToolNames(),
        isBackground: false,
      };
      const json = JSON.stringify(answer);
      const whole = JSON.parse(new ResponseForm(envelope).whole(json)) as JsonObject;
      const form = new ResponseForm(envelope);
      const stream = replayAsStream(json, "chat");
      const pieces = isSplit ? stream.split(/(?<=\n\n)/) : [stream];
      const events = eventsOf(pieces.map((piece) => form.events(piece)).join(""));
      assert.deepEqual(events.at(-1)?.["response"], whole);
      assert.ok(events.every(({ sequence_number }, at) => sequence_number === at));
      const done = events.filter(({ type }) => type === "response.output_item.done");
      assert.deepEqual(
        done.map(({ item }) => item),
        whole["output"],
      );
    }),
  );
});

test("a message's events come to the whole message, block by block", () => {
  fc.assert(
    fc.property(answers, (answer) => {
      const options = { stopSequences: [], promptTokens: 0 };
      const json = JSON.stringify(answer);
      const whole = JSON.parse(new MessageForm(options).whole(json)) as JsonObject;
      const events = eventsOf(new MessageForm(options).events(replayAsStream(json, "chat")));
      const starts = events.filter(({ type }) => type === "content_block_start");
      const blocks = whole["content"] as JsonObject[];
      const typeOf = (block: unknown): unknown => (block as JsonObject)["type"];
      assert.deepEqual(
        starts.map(({ content_block }) => typeOf(content_block)),
        blocks.map(typeOf),
      );
      const end = events.at(-2);
      assert.deepEqual(end?.["usage"], whole["usage"]);
      const delta = end?.["delta"] as JsonObject | undefined;
      assert.equal(delta?.["stop_reason"], whole["stop_reason"]);
      assert.equal(events.at(-1)?.["type"], "message_stop");
    }),
  );
});

test("what is said in many alike chunks is told word for word, whoever has read them", () => {
  const counts = { words: 0, events: 0 };
  fc.assert(
    fc.property(ids, fc.array(words), (id, said) => {
      const chunk = (choice: object, more = {}): Buffer => {
        const choices = [{ index: 0, finish_reason: null, ...choice }];
        const json = { id, object: "chat.completion.chunk", model: "other", choices, ...more };
        return Buffer.from(`data: ${JSON.stringify(json)}\n\n`);
      };
      const pieces = said.map((content) => chunk({ delta: { content } }));
      const last = chunk({ delta: {}, finish_reason: "stop" });
      const options = { object: "chat.completion.chunk", shownModel: "m", reasoningKey: undefined };
      const reader = new StreamReader(options);
      const envelope = { id: "resp_1", echo: {}, toolNames: noToolNames(), isBackground: false };
      const forms = [
        () => new MessageForm({ stopSequences: [], promptTokens: 0 }),
        () => new ResponseForm(envelope),
      ].map((make) => ({ quick: make(), slow: make() }));
      for (const piece of [...pieces, last]) {
        const shown = reader.push(piece);
        if (shown === undefined) continue;
        counts[reader.words === undefined ? "events" : "words"] += 1;
        for (const { quick, slow } of forms) {
          const event = reader.words === undefined ? undefined : quick.words(reader.words);
          assert.equal(event ?? quick.events(shown), slow.events(shown));
        }
      }
      const closing = reader.closing('{"completion_tokens":1}');
      for (const { quick, slow } of forms) {
        assert.equal(quick.events(closing), slow.events(closing));
      }
    }),
  );
  assert.ok(counts.words > 0 && counts.events > 0, JSON.stringify(counts));
});

test("calls that a server tells mixed up are told one after another", () => {
  const chunk = (calls: object[], finish: string | null = null): string =>
    `data: ${JSON.stringify({
      ...{ id: "a", object: "chat.completion.chunk", created: 1, model: "m" },
      choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: finish }],
      ...(finish === null ? {} : { usage: { prompt_tokens: 1, completion_tokens: 1 } }),
    })}\n\n`;
  const opening = (index: number) => ({
    ...{ index, id: `c${index}`, type: "function" },
    function: { name: `f${index}`, arguments: "" },
  });
  const more = (index: number, text: string) => ({ index, function: { arguments: text } });
  const form = new MessageForm({ stopSequences: [], promptTokens: 0 });
  const told =
    form.events(chunk([opening(0), opening(1)])) +
    form.events(chunk([more(0, '{"a":'), more(1, '{"b":')])) +
    form.events(chunk([more(1, "2}")])) +
    form.events(chunk([more(0, "1}")])) +
    form.events(chunk([], "tool_calls"));
  let open = -1;
  const json = ["", ""];
  for (const event of eventsOf(told)) {
    if (event["type"] === "content_block_start") open = Number(event["index"]);
    if (event["type"] !== "content_block_delta") continue;
    assert.equal(event["index"], open);
    json[open] += (event["delta"] as { partial_json: string }).partial_json;
  }
  assert.deepEqual(json, ['{"a":1}', '{"b":2}']);
});
