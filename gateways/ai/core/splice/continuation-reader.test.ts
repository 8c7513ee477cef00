import assert from "node:assert/strict";
import { test } from "node:test";
import { assembleAnswer } from "../stream/assemble-answer.ts";
import { type ContinuationOptions, ContinuationReader } from "./continuation-reader.ts";

const head = { id: "first", object: "chat.completion.chunk", created: 1, model: "shown" };

function reader(part: Partial<ContinuationOptions> = {}): ContinuationReader {
  return new ContinuationReader({
    head,
    object: "chat.completion.chunk",
    index: 0,
    hasRole: true,
    committed: "two",
    overlap: "",
    stops: [],
    reasoningKey: undefined,
    isJson: false,
    ...part,
  });
}

function event(delta: object, finish: string | null = null, more: object = {}): Buffer {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  const chunk = { ...head, id: "other", created: 99, model: "theirs", choices, ...more };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

const done = Buffer.from("data: [DONE]\n\n");

test("another server's stream comes under the first one's envelope, without a second role", () => {
  const read = reader();
  assert.equal(read.push(event({ role: "assistant", content: "" })), undefined);
  const piece = read.push(event({ content: " riders" }))?.toString() ?? "";
  const chunk = JSON.parse(piece.slice("data: ".length));
  assert.deepEqual([chunk.id, chunk.created, chunk.model], ["first", 1, "shown"]);
  assert.deepEqual(chunk.choices[0].delta, { content: " riders" });
  read.push(event({}, "stop"));
  read.push(done);
  assert.ok(read.isComplete);
  const closing = read.closing('{"total_tokens":3}').toString();
  assert.match(closing, /"id":"first".*"finish_reason":"stop".*"usage":\{"total_tokens":3\}/);
  assert.ok(closing.endsWith("data: [DONE]\n\n"));
});

test("repetition that is meant is kept: nothing is dropped but what was asked for again", () => {
  const read = reader({ committed: "again and again and", overlap: "" });
  const piece = read.push(event({ content: " again and again" }));
  assert.equal(assembleAnswer(piece ?? Buffer.alloc(0)).choices[0]?.content, " again and again");
});

test("a stop string across the seam ends the stream, though its server goes on", () => {
  const read = reader({ committed: "go EN", stops: ["END"] });
  assert.equal(read.push(event({ content: "D more" })), undefined);
  assert.ok(read.isSatisfied && read.isComplete);
  assert.equal(read.finishReason, "stop");
});

test("an answer that ends before it has said the last word again is another answer", () => {
  const read = reader({ committed: "one mach", overlap: " mach" });
  read.push(event({ content: " ma" }));
  read.push(event({}, "stop"));
  assert.equal(read.failure?.kind, "diverged");
});

test("reasoning after content is for the server alone; reasoning that goes on is shown", () => {
  const later = reader();
  assert.equal(later.push(event({ reasoning: "hm", content: null })), undefined);
  const going = reader({ committed: "", reasoningKey: "reasoning" });
  const piece = going.push(event({ reasoning: "so", content: null })) ?? Buffer.alloc(0);
  assert.equal(assembleAnswer(piece).choices[0]?.reasoning, "so");
});

test("tool calls come whole, or not at all", () => {
  const call = (given: object): Buffer => event({ tool_calls: [{ index: 0, ...given }] });
  const read = reader();
  assert.equal(read.push(call({ id: "c", function: { name: "f", arguments: "" } })), undefined);
  assert.equal(read.push(call({ function: { arguments: '{"a":' } })), undefined);
  assert.equal(read.pieces, 0);
  read.push(call({ function: { arguments: "1}" } }));
  const piece = read.push(event({}, "tool_calls")) ?? Buffer.alloc(0);
  assert.equal(assembleAnswer(piece).choices[0]?.toolCalls[0]?.arguments, '{"a":1}');
  assert.equal(read.finishReason, "tool_calls");
});

test("joined text that was to be JSON and is none does not end like an answer", () => {
  const read = reader({ committed: '{"a":', isJson: true });
  read.push(event({ content: "{" }));
  read.push(event({}, "stop"));
  assert.equal(read.failure?.kind, "malformed");
  assert.ok(!read.isComplete);
});

test("a choice that was not begun gets its role, once", () => {
  const read = reader({ index: 2, hasRole: false, committed: "" });
  const first = read.push(event({ content: "a" }))?.toString() ?? "";
  const second = read.push(event({ content: "b" }))?.toString() ?? "";
  assert.match(first, /"choices":\[\{"index":2,"delta":\{"role":"assistant","content":"a"\}/);
  assert.ok(!second.includes("role"));
});

test("an error, nonsense and an early end fail it, and give nothing of themselves", () => {
  const error = reader();
  assert.equal(error.push(Buffer.from('data: {"error":{"code":"x"}}\n\n')), undefined);
  assert.equal(error.failure?.kind, "error_event");
  const nonsense = reader();
  nonsense.push(Buffer.from('data: {"choices":[\n\n'));
  assert.equal(nonsense.failure?.kind, "malformed");
  const early = reader();
  early.push(event({ content: " a" }));
  early.end();
  assert.equal(early.failure?.kind, "incomplete");
});

test("places of log probabilities go on counting from where the text was", () => {
  const read = reader({ object: "text_completion", committed: "abc" });
  const logprobs = { text_offset: [0, 2], tokens: ["d", "e"] };
  const choices = [{ index: 0, text: "de", logprobs, finish_reason: null }];
  const piece = read.push(Buffer.from(`data: ${JSON.stringify({ ...head, choices })}\n\n`));
  assert.match(piece?.toString() ?? "", /"text_offset":\[3,5\]/);
});
