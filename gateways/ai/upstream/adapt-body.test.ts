import assert from "node:assert/strict";
import { test } from "node:test";
import { readChatRequest } from "../core/request/chat-request.ts";
import { readCompletionRequest } from "../core/request/completion-request.ts";
import { type GenerationRequest, isProblem } from "../core/request/generation-request.ts";
import { type Adaptation, adaptBody } from "./adapt-body.ts";
import { profileNamed } from "./profile-registry.ts";

const messages = [{ role: "user", content: "hi" }];

function chat(part: object = {}): GenerationRequest {
  const body = { model: "m", messages, ...part };
  const request = readChatRequest(Buffer.from(JSON.stringify(body)));
  assert.ok(!isProblem(request), JSON.stringify(request));
  return request;
}

function adapted(request: GenerationRequest, profile: string, part: Partial<Adaptation> = {}) {
  const adaptation: Adaptation = {
    profile: profileNamed(profile),
    upstreamModel: "m",
    tokensMax: undefined,
    messagesJson: undefined,
    ...part,
  };
  return JSON.parse(adaptBody(request, adaptation).toString());
}

test("a request that nothing has to be changed in is sent with its very bytes", () => {
  const request = chat({ max_tokens: 5 });
  const given = {
    profile: profileNamed("generic"),
    upstreamModel: "m",
    tokensMax: 5,
    messagesJson: undefined,
  };
  assert.equal(adaptBody(request, given), request.document.bytes);
});

test("never more tokens are asked for than are paid for, under the server's own name", () => {
  assert.equal(adapted(chat(), "generic", { tokensMax: 100 }).max_tokens, 100);
  assert.equal(adapted(chat({ max_tokens: 500 }), "generic", { tokensMax: 100 }).max_tokens, 100);
  assert.equal(adapted(chat({ max_tokens: 50 }), "generic", { tokensMax: 100 }).max_tokens, 50);
  const renamed = adapted(chat({ max_tokens: 50 }), "openai");
  assert.equal(renamed.max_completion_tokens, 50);
  assert.equal(renamed.max_tokens, undefined);
  const back = adapted(chat({ max_completion_tokens: 7 }), "vllm");
  assert.equal(back.max_tokens, 7);
  assert.equal(back.max_completion_tokens, undefined);
  assert.equal(adapted(chat(), "generic").max_tokens, undefined);
});

test("usage is asked for on every stream, and only there", () => {
  assert.deepEqual(adapted(chat({ stream: true }), "generic").stream_options, {
    include_usage: true,
  });
  const off = { stream: true, stream_options: { include_usage: false } };
  assert.equal(adapted(chat(off), "generic").stream_options.include_usage, true);
  assert.equal(adapted(chat(), "generic").stream_options, undefined);
});

test("the model, a conversation and its messages take their places; a developer becomes system", () => {
  const id = `conv_${"0".repeat(26)}`;
  const body = adapted(chat({ conversation_id: id }), "generic", {
    upstreamModel: "org/7b",
    messagesJson: '[{"role":"user","content":"before"}]',
  });
  assert.equal(body.model, "org/7b");
  assert.equal(body.conversation_id, undefined);
  assert.equal(body.messages[0].content, "before");
  const developer = chat({ messages: [{ role: "developer", content: "x" }] });
  assert.equal(adapted(developer, "deepseek").messages[0].role, "system");
  assert.equal(adapted(developer, "openai").messages[0].role, "developer");
});

test("DeepSeek: beta for prefixes and filling in, and no thinking where a tool is forced", () => {
  const { pathOf } = profileNamed("deepseek");
  const prefix = chat({
    messages: [...messages, { role: "assistant", content: "x", prefix: true }],
  });
  assert.equal(pathOf("", chat()), "/chat/completions");
  assert.equal(pathOf("/v1", prefix), "/beta/chat/completions");
  assert.equal(pathOf("/beta", prefix), "/beta/chat/completions");
  const fim = readCompletionRequest(Buffer.from('{"model":"m","prompt":"a","suffix":"b"}'));
  assert.ok(!isProblem(fim));
  assert.equal(pathOf("", fim), "/beta/completions");
  const tools = [{ type: "function", function: { name: "f" } }];
  const forced = { tools, tool_choice: "required" };
  assert.deepEqual(adapted(chat(forced), "deepseek").thinking, { type: "disabled" });
  const explicit = chat({ ...forced, thinking: { type: "enabled" } });
  assert.deepEqual(adapted(explicit, "deepseek").thinking, { type: "enabled" });
});

test("vLLM and SGLang are told of thinking and prefixes in their own words", () => {
  const prefix = { messages: [...messages, { role: "assistant", content: "x", prefix: true }] };
  for (const profile of ["vllm", "sglang"]) {
    const body = adapted(chat({ ...prefix, thinking: { type: "disabled" } }), profile);
    assert.deepEqual(body.chat_template_kwargs, { enable_thinking: false, thinking: false });
    assert.equal(body.thinking, undefined);
    assert.equal(body.continue_final_message, true);
    assert.equal(body.add_generation_prompt, false);
  }
});

test("Model Studio: its own switch for thinking, no required tool, five log probabilities", () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const body = adapted(
    chat({
      max_tokens: 9,
      tools,
      tool_choice: "required",
      logprobs: true,
      top_logprobs: 20,
      thinking: { type: "enabled" },
      stream: true,
    }),
    "modelstudio",
  );
  assert.equal(body.enable_thinking, true);
  assert.equal(body.thinking, undefined);
  assert.equal(body.tool_choice, "auto");
  assert.equal(body.top_logprobs, 5);
  assert.equal(body.max_completion_tokens, 9);
  assert.equal(adapted(chat(), "modelstudio").enable_thinking, false);
  assert.equal(adapted(chat({ stream: true }), "modelstudio").enable_thinking, undefined);
});

test("OpenAI gets no parameter it would refuse; Ollama is told not to think in its way", () => {
  const body = adapted(chat({ thinking: { type: "enabled" }, user_id: "u" }), "openai");
  assert.equal(body.thinking, undefined);
  assert.equal(body.user_id, undefined);
  const quiet = adapted(chat({ thinking: { type: "disabled" } }), "ollama");
  assert.equal(quiet.reasoning_effort, "none");
  assert.equal(profileNamed("no such thing"), profileNamed("generic"));
});
