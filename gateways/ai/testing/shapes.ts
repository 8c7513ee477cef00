import type { Shape } from "./splice-simulation.ts";

function chat(content: string, rest: object = {}, ...more: readonly object[]): Shape["body"] {
  return { messages: [{ role: "user", content }, ...more], ...rest };
}

const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
    },
  },
};

/** Requests of every shape that is gone on with, wherever they break. */
export const continuedShapes: readonly Shape[] = [
  { name: "plain", kind: "chat", profile: "vllm", body: chat("plain tokens=14") },
  { name: "greedy", kind: "chat", profile: "sglang", body: chat("greedy", { temperature: 0 }) },
  { name: "deepseek", kind: "chat", profile: "deepseek", body: chat("other form tokens=9") },
  {
    name: "llama.cpp",
    kind: "chat",
    profile: "llamacpp",
    body: chat("blanks", { temperature: 0 }),
  },
  { name: "engine", kind: "chat", profile: "engine", body: chat("own engine tokens=10") },
  {
    name: "length",
    kind: "chat",
    profile: "vllm",
    body: chat("cut off tokens=40", { max_tokens: 9 }),
  },
  {
    name: "length, greedy",
    kind: "chat",
    profile: "vllm",
    body: chat("cut off tokens=40", { max_completion_tokens: 7, temperature: 0 }),
  },
  {
    name: "stop strings",
    kind: "chat",
    profile: "vllm",
    body: chat("halt 6 tokens=200", { stop: ["lanterns", "two stone", "light over"] }),
  },
  {
    name: "client's own prefix",
    kind: "chat",
    profile: "deepseek",
    body: chat("prefixed", {}, { role: "assistant", content: "Well, ", prefix: true }),
  },
  {
    name: "reasoning",
    kind: "chat",
    profile: "deepseek",
    body: chat("think first tokens=8"),
    reasoningTokens: 7,
  },
  {
    name: "json",
    kind: "chat",
    profile: "engine",
    body: chat("json tokens=5", { response_format: { type: "json_object" } }),
  },
  {
    name: "tool call",
    kind: "chat",
    profile: "vllm",
    body: chat("weather please", { tools: [weather] }),
  },
  {
    name: "words before a tool call",
    kind: "chat",
    profile: "vllm",
    body: chat("weather words=6", { tools: [weather] }),
  },
  {
    name: "tools unused",
    kind: "chat",
    profile: "vllm",
    body: chat("hello", { tools: [weather] }),
  },
  {
    name: "three choices",
    kind: "chat",
    profile: "vllm",
    body: chat("many tokens=5", { n: 3 }),
    fromByte: 1_500,
  },
  {
    name: "log probabilities",
    kind: "chat",
    profile: "vllm",
    body: chat("sure tokens=5", { logprobs: true, top_logprobs: 1, temperature: 0 }),
  },
  { name: "completion", kind: "completion", profile: "openai", body: { prompt: "Once tokens=9»" } },
  {
    name: "completion, greedy",
    kind: "completion",
    profile: "generic",
    body: { prompt: "Once more tokens=9»", temperature: 0 },
  },
  {
    name: "filling in",
    kind: "completion",
    profile: "deepseek",
    body: { prompt: "const a tokens=7»", suffix: "export", max_tokens: 6 },
  },
  {
    name: "echo",
    kind: "completion",
    profile: "vllm",
    body: { prompt: "Said again tokens=6»", echo: true },
  },
];

/** And of those that are told when they break, unless nothing was sent or all was. */
export const toldShapes: readonly Shape[] = [
  { name: "provider without a form", kind: "chat", profile: "openai", body: chat("closed") },
  {
    name: "json without a grammar to lead",
    kind: "chat",
    profile: "vllm",
    body: chat("json tokens=5", { response_format: { type: "json_object" } }),
  },
  {
    name: "reasoning that cannot be given back",
    kind: "chat",
    profile: "vllm",
    body: chat("think tokens=1"),
    reasoningTokens: 12,
  },
];
