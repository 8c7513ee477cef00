import assert from "node:assert/strict";
import { test } from "node:test";
import { profileNamed } from "../../upstream/profile-registry.ts";
import { readChatRequest } from "../request/chat-request.ts";
import { isProblem } from "../request/generation-request.ts";
import { spliceFacts } from "./splice-facts.ts";
import { type OpenChoice, Splicer } from "./splicer.ts";

const vllm = profileNamed("vllm").continuation;

function splicer(body: object = {}, limits: object = {}): Splicer {
  const messages = [{ role: "user", content: "hi" }];
  const request = readChatRequest(Buffer.from(JSON.stringify({ model: "m", messages, ...body })));
  assert.ok(!isProblem(request));
  return new Splicer(spliceFacts(request), { resumesMax: 2, tokensMax: undefined, ...limits });
}

function sentOf(...deltas: readonly object[]): Buffer {
  const head = { id: "a", object: "chat.completion.chunk", created: 7, model: "m" };
  const events = deltas.map((delta) => {
    const choices = [{ index: 0, delta, finish_reason: null }];
    return `data: ${JSON.stringify({ ...head, choices })}\n\n`;
  });
  return Buffer.from(events.join(""));
}

const words = sentOf(
  { role: "assistant", content: "" },
  { content: "two" },
  { content: " riders" },
);
const broken = { sent: words, isWhole: true, heldFinish: "", isInTime: true };

function choiceOf(verdict: ReturnType<Splicer["broke"]>): OpenChoice {
  assert.ok(verdict.kind === "continue" || verdict.kind === "finish", JSON.stringify(verdict));
  return verdict.choice;
}

test("plain content is gone on with from all that the client has", () => {
  const splice = splicer();
  const choice = choiceOf(splice.broke(broken));
  assert.ok(splice.suits(choice, { form: vllm, isSameModel: false }));
  const plan = splice.plan(choice, {
    form: vllm,
    speech: { reasoningKey: undefined },
    mayBackUp: true,
  });
  assert.equal(plan.text, "two riders");
  assert.equal(plan.isBegun, true);
});

test("the budget is what was asked for less what was said, and nobody is asked for nothing", () => {
  assert.equal(choiceOf(splicer({}, { tokensMax: 5 }).broke(broken)).tokensLeft, 3);
  const verdict = splicer({}, { tokensMax: 2 }).broke(broken);
  assert.equal(verdict.kind, "finish");
  const reader = splicer().finished(choiceOf(verdict));
  assert.equal(reader.finishReason, "length");
  assert.match(reader.closing("{}").toString(), /"finish_reason":"length"\}\],"usage":\{\}\}/);
});

test("what broke on its last bytes is complete", () => {
  assert.equal(splicer().broke({ ...broken, heldFinish: "stop" }).kind, "complete");
});

test("with tools only the same model goes on, since another one might call others", () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const splice = splicer({ tools });
  const choice = choiceOf(splice.broke(broken));
  assert.ok(splice.suits(choice, { form: vllm, isSameModel: true }));
  assert.ok(!splice.suits(choice, { form: vllm, isSameModel: false }));
});

test("once a tool call was given nobody goes on behind it", () => {
  const call = { index: 0, id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const sent = sentOf({ role: "assistant" }, { tool_calls: [call] });
  const verdict = splicer().broke({ ...broken, sent });
  assert.deepEqual(verdict, { kind: "end", why: "a tool call was sent" });
});

test("reasoning goes on where it can be given back, JSON where a grammar is led along", () => {
  const thinking = sentOf({ role: "assistant" }, { content: null, reasoning_content: "hm" });
  const splice = splicer();
  const choice = choiceOf(splice.broke({ ...broken, sent: thinking }));
  const { continuation } = profileNamed("deepseek");
  assert.ok(!splice.suits(choice, { form: vllm, isSameModel: true }));
  assert.ok(splice.suits(choice, { form: continuation, isSameModel: true }));
  const plan = splice.plan(choice, {
    form: continuation,
    speech: { reasoningKey: undefined },
    mayBackUp: true,
  });
  assert.deepEqual([plan.text, plan.reasoning, plan.isBegun], ["", "hm", true]);
  const json = splicer({ response_format: { type: "json_object" } });
  const open = choiceOf(json.broke(broken));
  assert.ok(!json.suits(open, { form: vllm, isSameModel: true }));
  assert.ok(json.suits(open, { form: profileNamed("engine").continuation, isSameModel: true }));
});

test("a third break, a time that is over and a text that is not kept end it", () => {
  const splice = splicer();
  assert.equal(splice.broke(broken).kind, "continue");
  assert.equal(splice.broke(broken).kind, "continue");
  assert.deepEqual(splice.broke(broken), { kind: "end", why: "it broke 3 times" });
  assert.equal(splicer().broke({ ...broken, isInTime: false }).kind, "end");
  assert.equal(splicer().broke({ ...broken, isWhole: false }).kind, "end");
});

test("each of several choices is gone on with by itself, and the last one ends the answer", () => {
  const head = { id: "a", object: "chat.completion.chunk", created: 7, model: "m" };
  const event = (index: number, finish: string | null): string => {
    const choices = [{ index, delta: { role: "assistant", content: "x" }, finish_reason: finish }];
    return `data: ${JSON.stringify({ ...head, choices })}\n\n`;
  };
  const splice = splicer({ n: 3 });
  const sent = Buffer.from(event(0, "stop") + event(1, null));
  const first = choiceOf(splice.broke({ ...broken, sent, heldFinish: "stop" }));
  assert.deepEqual([first.index, first.isLast, first.need.isBegun], [1, false, true]);
  const both = Buffer.from(event(0, "stop") + event(1, "stop"));
  const second = choiceOf(splice.finishedChoice(both));
  assert.deepEqual([second.index, second.isLast, second.need.isBegun], [2, true, false]);
});
