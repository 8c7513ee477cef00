import assert from "node:assert/strict";
import { test } from "node:test";
import { readChatRequest } from "./chat-request.ts";
import { type GenerationRequest, isProblem, type RequestProblem } from "./generation-request.ts";

const messages = [{ role: "user", content: "hello" }];

function read(part: object): GenerationRequest | RequestProblem {
  return readChatRequest(Buffer.from(JSON.stringify({ model: "m", messages, ...part })));
}

function accepted(part: object): GenerationRequest {
  const request = read(part);
  assert.ok(!isProblem(request), JSON.stringify(request));
  return request;
}

function refused(part: object, kind: RequestProblem["problem"], parameter: string): string {
  const problem = read(part);
  assert.ok(isProblem(problem), `accepted ${JSON.stringify(part).slice(0, 100)}`);
  assert.equal(problem.problem, kind);
  assert.equal(problem.parameter, parameter);
  return problem.message;
}

test("the smallest request is read, and everything left out has its default", () => {
  const request = accepted({});
  assert.equal(request.model, "m");
  assert.equal(request.isStream, false);
  assert.equal(request.maxTokens, undefined);
  assert.equal(request.choices, 1);
  assert.equal(request.isThinking, undefined);
  assert.deepEqual(request.features, ["chat"]);
  assert.equal(request.isDeterministic, false);
});

test("every numeric parameter is held to its range, ends included as the API has them", () => {
  const ranges: [string, number[], unknown[]][] = [
    ["max_tokens", [1, 393_216], [0, -1, 393_217, 1.5, "9", Number.POSITIVE_INFINITY, true]],
    ["max_completion_tokens", [1], [0, []]],
    ["temperature", [0, 2, 1.5], [-0.1, 2.1, "1", {}]],
    ["top_p", [0.0001, 1], [0, 1.1, -1, "x"]],
    ["frequency_penalty", [-2, 2], [-2.1, 2.1]],
    ["presence_penalty", [-2, 2], [3, false]],
    ["n", [1, 16], [0, 17, 1.5]],
  ];
  for (const [name, good, bad] of ranges) {
    for (const value of good) accepted({ [name]: value });
    for (const value of bad) {
      const body = JSON.stringify({ model: "m", messages, [name]: value });
      const text = body.replace("null", "1e400");
      const problem = readChatRequest(Buffer.from(text));
      assert.ok(isProblem(problem) && problem.parameter === name, text);
      assert.equal(problem.problem, "invalid");
    }
  }
});

test("null is the same as leaving a parameter out, and unknown ones pass", () => {
  const request = accepted({
    max_tokens: null,
    stop: null,
    stream_options: null,
    temperature: null,
    seed: 7,
    logit_bias: { 1: 2 },
    metadata: { a: "b" },
    whatever: [1],
  });
  assert.equal(request.maxTokens, undefined);
});

test("wrong types are told by name", () => {
  refused({ model: 5 }, "invalid", "model");
  refused({ model: "" }, "invalid", "model");
  refused({ messages: "hi" }, "invalid", "messages");
  refused({ messages: [] }, "invalid", "messages");
  refused({ stream: "yes" }, "invalid", "stream");
  refused({ stop: [1] }, "invalid", "stop");
  refused({ stop: Array(17).fill("x") }, "invalid", "stop");
  refused({ thinking: { type: "sometimes" } }, "invalid", "thinking");
  refused({ thinking: {} }, "invalid", "thinking");
  refused({ reasoning_effort: "huge" }, "invalid", "reasoning_effort");
  refused({ response_format: "json" }, "invalid", "response_format");
  refused({ user_id: "a b" }, "invalid", "user_id");
  refused({ conversation_id: "../etc" }, "invalid", "conversation_id");
  accepted({ stop: "x", user_id: "user-1_A", reasoning_effort: "xhigh" });
});

test("what is missing is named", () => {
  const noModel = readChatRequest(Buffer.from(JSON.stringify({ messages })));
  assert.ok(isProblem(noModel) && noModel.parameter === "model");
  const noMessages = readChatRequest(Buffer.from('{"model":"m"}'));
  assert.ok(isProblem(noMessages) && noMessages.parameter === "messages");
});

test("parameters that contradict each other are told apart from bad values", () => {
  refused({ stream_options: { include_usage: true } }, "contradictory", "stream_options");
  refused({ stream: false, stream_options: {} }, "contradictory", "stream_options");
  refused({ top_logprobs: 3 }, "contradictory", "top_logprobs");
  refused({ tool_choice: "required" }, "contradictory", "tool_choice");
  accepted({ stream: true, stream_options: { include_usage: true } });
  accepted({ logprobs: true, top_logprobs: 0 });
  accepted({ tool_choice: "auto" });
});

test("a body that is no JSON object is malformed, with the place", () => {
  for (const text of ["", "{", "[]", '"x"', "null", '{"model":"a","model":"b"}', "\uFEFF{}"]) {
    const problem = readChatRequest(Buffer.from(text));
    assert.ok(isProblem(problem) && problem.problem === "malformed", text);
  }
});

test("an unknown role is refused with the known ones; developer counts as system", () => {
  const message = refused(
    { messages: [{ role: "robot", content: "x" }] },
    "contradictory",
    "messages",
  );
  assert.match(message, /unknown variant `robot`, expected one of `system`, `user`/);
  assert.ok(!message.includes("developer"));
  const request = accepted({ messages: [{ role: "developer", content: "x" }, ...messages] });
  assert.equal(request.developerRoles.length, 1);
  const at = request.developerRoles[0] ?? -1;
  assert.equal(request.document.text(at), "developer");
});

test("each message is held to the form of its role", () => {
  const one = (message: object): object => ({ messages: [message] });
  refused(one({ role: "user" }), "invalid", "messages[0].content");
  refused(one({ role: "user", content: 5 }), "invalid", "messages[0].content");
  refused(one({ role: "assistant", content: null }), "contradictory", "messages");
  refused(one({ role: "tool", content: "x" }), "invalid", "messages[0].tool_call_id");
  refused(one({ content: "x" }), "invalid", "messages[0].role");
  refused({ messages: ["x"] }, "invalid", "messages[0]");
  refused(
    one({ role: "assistant", content: "", tool_calls: [{}] }),
    "invalid",
    "messages[0].tool_calls[0].id",
  );
  refused(
    one({ role: "assistant", content: "x", reasoning_content: 5 }),
    "invalid",
    "messages[0].reasoning_content",
  );
  accepted(one({ role: "assistant", content: null, tool_calls: [{ id: "a" }] }));
  accepted(one({ role: "tool", content: "x", tool_call_id: "a" }));
  accepted(one({ role: "assistant", content: "x", reasoning_content: "" }));
});

test("parts of a message are checked, and images counted apart from text", () => {
  const parts = (...content: object[]): object => ({ messages: [{ role: "user", content }] });
  refused(parts({ text: "x" }), "invalid", "messages[0].content[0].type");
  refused(parts({ type: "text" }), "invalid", "messages[0].content[0].text");
  refused(parts({ type: "image_url" }), "invalid", "messages[0].content[0].image_url.url");
  const far = `https://example.com/${"a".repeat(9_000)}`;
  refused(
    parts({ type: "image_url", image_url: { url: far } }),
    "invalid",
    "messages[0].content[0].image_url.url",
  );
  const data = `data:image/png;base64,${"A".repeat(50_000)}`;
  const request = accepted(
    parts({ type: "text", text: "what is it" }, { type: "image_url", image_url: { url: data } }),
  );
  assert.equal(request.prompt.images, 1);
  assert.ok(request.prompt.textBytes < 200);
  assert.deepEqual(request.features, ["chat", "vision"]);
});

test("only the last assistant message may be a prefix", () => {
  const prefix = { role: "assistant", content: "x", prefix: true };
  assert.deepEqual(accepted({ messages: [...messages, prefix] }).features, ["chat", "prefix"]);
  refused({ messages: [prefix, ...messages] }, "contradictory", "messages");
  refused(
    { messages: [{ role: "user", content: "x", prefix: true }] },
    "contradictory",
    "messages",
  );
});

test("tools are functions with distinct, plain names, at most 128", () => {
  const tool = (name: string): object => ({ type: "function", function: { name } });
  refused({ tools: {} }, "invalid", "tools");
  refused({ tools: [{ type: "retrieval" }] }, "invalid", "tools");
  refused({ tools: [tool("a b")] }, "invalid", "tools");
  refused({ tools: [tool("a"), tool("a")] }, "invalid", "tools");
  refused({ tools: Array.from({ length: 129 }, (_, at) => tool(`f${at}`)) }, "invalid", "tools");
  refused({ tools: [tool("a")], tool_choice: "a" }, "invalid", "tool_choice");
  const request = accepted({ tools: [tool("a")], tool_choice: tool("a") });
  assert.ok(request.features.includes("tools"));
  assert.ok(request.isToolForced);
});

test("what a model must be able to do is read off the request", () => {
  assert.deepEqual(accepted({ response_format: { type: "json_schema" } }).features, [
    "chat",
    "json_schema",
  ]);
  assert.deepEqual(accepted({ logprobs: true }).features, ["chat", "logprobs"]);
  assert.equal(accepted({ thinking: { type: "disabled" } }).isThinking, false);
  assert.equal(accepted({ thinking: { type: "enabled" } }).isThinking, true);
  assert.equal(accepted({ reasoning_effort: "none" }).isThinking, false);
  assert.ok(accepted({ reasoning_effort: "max" }).isMaxEffort);
  assert.ok(accepted({ temperature: 0 }).isDeterministic);
  assert.ok(!accepted({ temperature: 0, n: 2 }).isDeterministic);
});

test("100,000 messages are refused quickly", () => {
  const started = performance.now();
  refused({ messages: Array(100_000).fill({ role: "user", content: "x" }) }, "malformed", "");
  assert.ok(performance.now() - started < 1_000);
});
