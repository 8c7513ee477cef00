import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StreamReader, type StreamReaderOptions } from "./stream-reader.ts";

const options: StreamReaderOptions = {
  object: "chat.completion.chunk",
  shownModel: "shown",
  reasoningKey: undefined,
};
const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };
const usageJson = JSON.stringify(usage);

interface Part {
  readonly delta?: object;
  readonly finish?: string | null;
  readonly index?: number;
  readonly rest?: object;
}

function chunk({ delta = {}, finish = null, index = 0, rest = {} }: Part): string {
  const body = {
    id: "c1",
    object: "chat.completion.chunk",
    created: 1,
    model: "shown",
    choices: [{ index, delta, finish_reason: finish }],
    ...rest,
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

const role = chunk({ delta: { role: "assistant", content: "" } });
const word = (content: string): string => chunk({ delta: { content } });
const finish = chunk({ finish: "stop" });
const usageChunk = `data: ${JSON.stringify({ object: "chat.completion.chunk", model: "shown", choices: [], usage })}\n\n`;
const done = "data: [DONE]\n\n";

function play(
  pieces: readonly (string | Buffer)[],
  given: Partial<StreamReaderOptions> = {},
): { reader: StreamReader; sent: string } {
  const reader = new StreamReader({ ...options, ...given });
  let sent = "";
  for (const piece of pieces) sent += reader.push(Buffer.from(piece))?.toString() ?? "";
  return { reader, sent };
}

/** What a client makes of it. */
function textOf(sent: string): string {
  let text = "";
  for (const line of sent.split("\n\n")) {
    if (!line.startsWith("data: {")) continue;
    const value = JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] };
    text += value.choices[0]?.delta.content ?? "";
  }
  return text;
}

test("plain events pass with the very bytes they came in", () => {
  const first = Buffer.from(role + word("one"));
  const second = Buffer.from(word("two"));
  const reader = new StreamReader(options);
  reader.push(first);
  assert.equal(reader.push(second), second);
});

test("nothing goes out before the first real word, and then all of it at once", () => {
  const { reader, sent } = play([": waiting\n\n", role]);
  assert.equal(sent, "");
  assert.equal(reader.hasFlowed, false);
  assert.equal(reader.push(Buffer.from(word("one")))?.toString(), role + word("one"));
  assert.equal(reader.hasFlowed, true);
});

test("finish reason, usage and end leave together, with the usage in DeepSeek's place", () => {
  const { reader, sent } = play([role, word("one"), finish, usageChunk, done]);
  assert.equal(sent, role + word("one"));
  assert.ok(reader.isComplete);
  assert.equal(reader.usage?.inputTokens, 5);
  const closing = reader.closing(usageJson).toString();
  const [last, end] = closing.split("\n\n");
  assert.equal(end, "data: [DONE]");
  const value = JSON.parse((last ?? "").slice(6));
  assert.equal(value.choices[0].finish_reason, "stop");
  assert.deepEqual(value.usage, usage);
});

test("a usage that comes with the finish reason, as DeepSeek sends it, is found and replaced", () => {
  const last = chunk({
    finish: "length",
    rest: { usage: { prompt_tokens: 9, completion_tokens: 1 } },
  });
  const { reader } = play([role, word("x"), last, done]);
  assert.equal(reader.usage?.inputTokens, 9);
  const value = JSON.parse(reader.closing(usageJson).toString().split("\n\n")[0]?.slice(6) ?? "");
  assert.deepEqual(value.usage, usage);
});

test("a stream that ends without a finish reason is incomplete, however properly it ends", () => {
  const cut = play([role, word("one")]).reader;
  cut.end();
  assert.equal(cut.failure?.kind, "incomplete");
  const half = play([role, word("one"), finish.slice(0, 40)]).reader;
  half.end();
  assert.equal(half.failure?.kind, "incomplete");
  const lying = play([role, word("one"), done]).reader;
  assert.equal(lying.isComplete, false);
});

test("a finish reason without [DONE] is complete when the body ended properly", () => {
  const { reader } = play([role, word("one"), finish]);
  assert.equal(reader.isComplete, false);
  reader.end();
  assert.equal(reader.isComplete, true);
});

test("of several choices all have to finish, unless [DONE] says that this is all", () => {
  const reader = new StreamReader({ ...options, choices: 2 });
  reader.push(Buffer.from(role + word("a") + chunk({ delta: { content: "b" }, index: 1 })));
  reader.push(Buffer.from(finish));
  reader.end();
  assert.equal(reader.failure?.kind, "incomplete");
  const both = new StreamReader({ ...options, choices: 2 });
  both.push(Buffer.from(role + word("a") + finish + chunk({ finish: "stop", index: 1 })));
  both.end();
  assert.ok(both.isComplete);
});

test("tool calls are held until all of them are there, and go with what ends them", () => {
  const call = (given: object): string =>
    chunk({ delta: { tool_calls: [{ index: 0, ...given }] } });
  const reader = new StreamReader({ ...options, holdsToolCalls: true });
  const said = reader.push(Buffer.from(role + word("a")))?.toString() ?? "";
  assert.ok(said.includes('"a"'));
  assert.equal(reader.push(Buffer.from(call({ id: "c", function: { name: "f" } }))), undefined);
  assert.equal(reader.push(Buffer.from(call({ function: { arguments: "{}" } }))), undefined);
  const whole = reader.push(Buffer.from(chunk({ finish: "tool_calls" })))?.toString() ?? "";
  assert.equal(whole.split("\n\n").length, 3);
});

test("a line that was cut inside its JSON and ended properly is no chunk", () => {
  const reader = new StreamReader(options);
  reader.push(Buffer.from(role + word("a")));
  const whole = word(" b");
  for (let end = whole.indexOf("{") + 1; end < whole.length - 3; end += 1) {
    const cut = new StreamReader(options);
    cut.push(Buffer.from(role + word("a")));
    assert.equal(cut.push(Buffer.from(`${whole.slice(0, end)}\n\n`)), undefined, `at ${end}`);
    assert.equal(cut.failure?.kind, "malformed", `at ${end}`);
  }
});

test("an error in the stream is a failure with the server's own words, in either form", () => {
  for (const event of [
    'data: {"error":{"message":"boom","code":500}}\n\n',
    'event: error\ndata: {"message":"boom"}\n\n',
  ]) {
    const before = play([event]).reader;
    assert.equal(before.failure?.kind, "error_event");
    assert.equal(before.hasFlowed, false);
    const after = play([role, word("one"), event]).reader;
    assert.equal(after.failure?.kind, "error_event");
    assert.match(JSON.stringify(after.failure.error), /boom/);
  }
});

test("what is no chunk is a failure; comments and unknown named events are left out", () => {
  assert.equal(play(["data: <html>\n\n"]).reader.failure?.kind, "malformed");
  assert.equal(play([role, word("a"), "data: {broken\n\n"]).reader.failure?.kind, "malformed");
  assert.equal(play(['data: {"hello":1}\n\n']).reader.failure?.kind, "malformed");
  assert.equal(play([role, word("a"), 'data: {"hi":1}\n\n']).reader.failure?.kind, "malformed");
  const { reader, sent } = play([
    role,
    word("a"),
    ": ping\n\n",
    "event: ping\ndata: {}\n\n",
    word("b"),
  ]);
  assert.equal(reader.failure, undefined);
  assert.equal(sent, role + word("a") + word("b"));
});

test("words of a text are never taken for what ends a stream", () => {
  const tricky = '"finish_reason":"stop" "usage":{ "error": [DONE] \n\ndata: [DONE]\n\n';
  const { reader, sent } = play([role, word(tricky), word("on")]);
  assert.equal(reader.failure, undefined);
  assert.equal(textOf(sent), `${tricky}on`);
  assert.equal(reader.finishReason, "");
});

test("the model is shown under the name it was asked for, in every event", () => {
  const theirs = (text: string): string =>
    text.replaceAll('"model":"shown"', '"model":"org/their-7b"');
  const { reader, sent } = play(
    [role, word("one"), word("two"), finish, usageChunk, done].map(theirs),
  );
  assert.ok(!sent.includes("their-7b"));
  assert.equal(sent.split('"model":"shown"').length - 1, 3);
  assert.ok(!reader.closing(usageJson).toString().includes("their-7b"));
});

test("reasoning under another key is shown as reasoning_content", () => {
  const reasoning = chunk({ delta: { reasoning: "hm" } });
  const { sent } = play([role, reasoning, reasoning, word("so")], { reasoningKey: "reasoning" });
  assert.equal(sent.split('"reasoning_content":"hm"').length - 1, 2);
});

test("a first delta without role, and a chunk without its object, are made whole", () => {
  const bare = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n';
  const { sent } = play([bare]);
  const value = JSON.parse(sent.slice(6));
  assert.equal(value.choices[0].delta.role, "assistant");
  assert.equal(value.choices[0].delta.content, "x");
  assert.equal(value.object, "chat.completion.chunk");
});

test("several answers in one stream each keep their finish reason", () => {
  const first = chunk({ finish: "stop", index: 0 });
  const second = chunk({ finish: "length", index: 1 });
  const { reader, sent } = play([
    role,
    word("a"),
    first,
    chunk({ delta: { content: "b" }, index: 1 }),
    second,
    done,
  ]);
  assert.ok(sent.includes(first));
  assert.ok(reader.closing(usageJson).toString().includes('"length"'));
  assert.ok(reader.isComplete);
});

test("however the bytes are cut, and with either line end, the client reads the same answer", () => {
  const words = fc.array(fc.string({ unit: "grapheme", maxLength: 12 }), {
    minLength: 1,
    maxLength: 8,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(words, sizes, fc.boolean(), (spoken, cuts, isCrLf) => {
      const text = role + spoken.map(word).join("") + finish + usageChunk + done;
      const bytes = Buffer.from(isCrLf ? text.replaceAll("\n", "\r\n") : text);
      const pieces: Buffer[] = [];
      let at = 0;
      for (let cut = 0; at < bytes.length; cut += 1) {
        const size = cuts[cut % cuts.length] ?? 1;
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const { reader, sent } = play(pieces);
      assert.ok(reader.isComplete, JSON.stringify(reader.failure));
      assert.equal(textOf(sent), spoken.join(""));
      assert.equal(reader.usage?.outputTokens, 3);
    }),
    { numRuns: 400 },
  );
});

test("cut at any byte, a stream never shows a finish reason nor [DONE] before it is closed", () => {
  const bytes = Buffer.from(role + word("one") + word("two") + finish + usageChunk + done);
  for (let at = 0; at < bytes.length; at += 1) {
    const { reader, sent } = play([bytes.subarray(0, at)]);
    reader.end();
    assert.ok(!sent.includes("[DONE]") && !sent.includes('"finish_reason":"'));
    const hasFinish = at >= (role + word("one") + word("two") + finish).length;
    assert.ok(hasFinish || !reader.isComplete);
  }
});
