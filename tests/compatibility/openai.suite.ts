import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type OpenAI from "openai";
import { assertLeavingCancels } from "./cancellation.ts";
import { freshPrompt } from "./prompt.ts";
import type { Target } from "./target.ts";
import { weatherTool } from "./weather-tool.ts";

/** A version of the client; the suites touch only what version 4 and the newest have in common. */
export interface OpenAIVersion {
  readonly name: string;
  readonly Client: new (options: ConstructorParameters<typeof OpenAI>[0]) => OpenAI;
  /** The helper that collects a stream, which has moved between the versions. */
  finalContent(
    options: { readonly baseURL: string; readonly apiKey: string },
    request: { model: string; messages: { role: "user"; content: string }[] },
  ): Promise<string | null>;
}

export function openaiSuite(version: OpenAIVersion, targetOf: () => Target): void {
  const { name, Client } = version;
  const client = (path = "/v1", options: { maxRetries?: number; timeout?: number } = {}) => {
    const { origin, apiKey } = targetOf();
    return new Client({ baseURL: origin + path, apiKey, maxRetries: 0, ...options });
  };
  describe(name, () => {
    answers(client, targetOf);
    tools(client, targetOf);
    deepseekExtras(client, targetOf);
    leaving(client, targetOf);
    test("the stream helper finds the role first and a finish reason at the end", async () => {
      const { content, expected } = freshPrompt();
      const { origin, apiKey, model } = targetOf();
      const options = { baseURL: `${origin}/v1`, apiKey };
      const request = { model, messages: [user(content)] };
      assert.equal(await version.finalContent(options, request), expected);
    });
  });
}

type ClientOf = (path?: string, options?: { maxRetries?: number; timeout?: number }) => OpenAI;

function user(content: string): { role: "user"; content: string } {
  return { role: "user", content };
}

function answers(client: ClientOf, targetOf: () => Target): void {
  test("a whole answer is the engine's, with usage that adds up and cache fields", async () => {
    const { content, expected } = freshPrompt();
    const { model } = targetOf();
    const answer = await client().chat.completions.create({ model, messages: [user(content)] });
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.choices[0]?.message.content, expected);
    assert.equal(answer.choices[0]?.message.role, "assistant");
    assert.equal(answer.choices[0]?.finish_reason, "stop");
    checkUsage(answer.usage);
  });

  for (const path of ["", "/v1", "/beta"]) {
    test(`a stream under "${path}" joins to the same text, with one id and one end`, async () => {
      const { content, expected } = freshPrompt();
      const stream = await client(path).chat.completions.create({
        model: targetOf().model,
        messages: [user(content)],
        stream: true,
        stream_options: { include_usage: true },
      });
      const seen: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) seen.push(chunk);
      const deltas = seen.flatMap((chunk) => chunk.choices);
      assert.equal(deltas.map(({ delta }) => delta.content ?? "").join(""), expected);
      assert.equal(deltas[0]?.delta.role, "assistant");
      assert.equal(new Set(seen.map((chunk) => chunk.id)).size, 1);
      assert.equal(new Set(seen.map((chunk) => chunk.created)).size, 1);
      const finishes = deltas.map((choice) => choice.finish_reason).filter(Boolean);
      assert.deepEqual(finishes, ["stop"]);
      const usages = seen.map((chunk) => chunk.usage).filter((usage) => usage != null);
      assert.equal(usages.length, 1);
      checkUsage(usages[0]);
    });
  }

  test("max_tokens ends an answer with finish reason length", async () => {
    const { content, expected } = freshPrompt();
    const answer = await client().chat.completions.create({
      ...{ model: targetOf().model, max_tokens: 3 },
      messages: [user(content)],
    });
    assert.equal(answer.choices[0]?.finish_reason, "length");
    assert.ok(expected.startsWith(answer.choices[0]?.message.content ?? "-"));
    assert.equal(answer.usage?.completion_tokens, 3);
  });

  test("JSON mode answers a document that parses", async () => {
    const { content, expected } = freshPrompt();
    const answer = await client().chat.completions.create({
      model: targetOf().model,
      messages: [user(content)],
      response_format: { type: "json_object" },
    });
    assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ""), { answer: expected });
  });

  test("log probabilities pass through, token by token", async () => {
    const { content, expected } = freshPrompt(4);
    const answer = await client().chat.completions.create({
      ...{ model: targetOf().model, logprobs: true, top_logprobs: 2 },
      messages: [user(content)],
    });
    const entries = answer.choices[0]?.logprobs?.content ?? [];
    assert.equal(entries.map(({ token }) => token).join(""), expected);
    assert.equal(entries[0]?.top_logprobs.length, 2);
  });

  test("the request id of an answer is readable from the client", async () => {
    const { data, response } = await client()
      .chat.completions.create({ model: targetOf().model, messages: [user("id")] })
      .withResponse();
    assert.ok(data.choices.length > 0);
    assert.match(response.headers.get("x-request-id") ?? "", /^req_/);
  });
}

interface CacheUsage {
  readonly prompt_cache_hit_tokens?: number;
  readonly prompt_cache_miss_tokens?: number;
}

function checkUsage(given: OpenAI.CompletionUsage | undefined): void {
  assert.ok(given);
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = given;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(prompt_tokens + completion_tokens, total_tokens);
  const cache = given as OpenAI.CompletionUsage & CacheUsage;
  assert.equal(cache.prompt_cache_hit_tokens, 2);
  assert.equal((cache.prompt_cache_miss_tokens ?? 0) + 2, prompt_tokens);
  assert.equal(prompt_tokens_details?.cached_tokens, 2);
}

function tools(client: ClientOf, targetOf: () => Target): void {
  test("a tool is called whole and streamed alike, and its result is answered", async () => {
    const { content } = freshPrompt();
    const question = user(`${content}: ask weather`);
    const request = { model: targetOf().model, messages: [question], tools: [weatherTool] };
    const whole = await client().chat.completions.create(request);
    assert.equal(whole.choices[0]?.finish_reason, "tool_calls");
    const [call] = whole.choices[0]?.message.tool_calls ?? [];
    assert.ok(call?.type === "function");
    assert.equal(call.function.name, "weather");
    assert.equal(typeof JSON.parse(call.function.arguments).city, "string");

    const streamed = await client().chat.completions.create({ ...request, stream: true });
    let text = "";
    const ids: string[] = [];
    for await (const chunk of streamed) {
      for (const piece of chunk.choices[0]?.delta.tool_calls ?? []) {
        text += piece.function?.arguments ?? "";
        if (piece.id) ids.push(piece.id);
      }
    }
    assert.deepEqual(JSON.parse(text), JSON.parse(call.function.arguments));
    assert.equal(ids.length, 1);

    const messages = [
      question,
      whole.choices[0]?.message ?? question,
      { role: "tool" as const, tool_call_id: call.id, content: "sunny" },
    ];
    const final = await client().chat.completions.create({ ...request, messages });
    assert.equal(final.choices[0]?.finish_reason, "stop");
    assert.ok((final.choices[0]?.message.content ?? "").length > 0);
  });

  test("a tool that is named must be called, and none means none", async () => {
    const { content } = freshPrompt();
    const request = {
      model: targetOf().model,
      messages: [user(content)],
      tools: [weatherTool],
    };
    const named = await client().chat.completions.create({
      ...request,
      tool_choice: { type: "function", function: { name: "weather" } },
    });
    assert.equal(named.choices[0]?.message.tool_calls?.length, 1);
    const none = await client().chat.completions.create({ ...request, tool_choice: "none" });
    assert.equal(none.choices[0]?.message.tool_calls, undefined);
  });
}

function deepseekExtras(client: ClientOf, targetOf: () => Target): void {
  test("a prefix is continued, and the answer holds the continuation only", async () => {
    const { content, expected } = freshPrompt();
    const prefix = expected.slice(0, 20);
    const last = { role: "assistant" as const, content: prefix, prefix: true };
    const answer = await client("/beta").chat.completions.create({
      model: targetOf().model,
      messages: [user(content), last],
    });
    assert.equal(prefix + answer.choices[0]?.message.content, expected);
  });

  test("reasoning comes in its own field, before the answer, and is counted", async () => {
    const { content, expected } = freshPrompt();
    const request = { model: targetOf().thinker, messages: [user(content)] };
    const whole = await client().chat.completions.create(request);
    const message: { content: string | null; reasoning_content?: string } | undefined =
      whole.choices[0]?.message;
    assert.equal(message?.content, expected);
    assert.equal(whole.usage?.completion_tokens_details?.reasoning_tokens, 6);
    const stream = await client().chat.completions.create({ ...request, stream: true });
    let reasoning = "";
    let text = "";
    for await (const chunk of stream) {
      const delta: { content?: string | null; reasoning_content?: string | null } | undefined =
        chunk.choices[0]?.delta;
      if (delta?.reasoning_content) assert.equal(text, "");
      reasoning += delta?.reasoning_content ?? "";
      text += delta?.content ?? "";
    }
    assert.equal(text, expected);
    assert.equal(reasoning, message?.reasoning_content);
    assert.ok(reasoning.length > 0);
  });

  test("the middle is filled in, whole and streamed", async () => {
    const { content: prompt } = freshPrompt();
    const request = { model: targetOf().model, prompt, suffix: "return 1", max_tokens: 9 };
    const whole = await client("/beta").completions.create(request);
    assert.equal(whole.object, "text_completion");
    assert.ok((whole.choices[0]?.text ?? "").length > 0);
    const stream = await client("/beta").completions.create({ ...request, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    assert.equal(text, whole.choices[0]?.text);
  });

  test("models are listed and can be fetched by name", async () => {
    const listed: string[] = [];
    for await (const model of client().models.list()) listed.push(model.id);
    assert.ok(listed.includes(targetOf().model));
    const model = await client().models.retrieve(targetOf().model);
    assert.equal(model.id, targetOf().model);
    assert.equal(model.object, "model");
  });

  test("the balance comes as decimal text", async () => {
    const balance = await client("").get<{
      is_available: boolean;
      balance_infos: { currency: string; total_balance: string }[];
    }>("/user/balance");
    assert.equal(balance.is_available, true);
    assert.match(balance.balance_infos[0]?.total_balance ?? "", /^-?\d+\.\d{2}$/);
    assert.match(balance.balance_infos[0]?.currency ?? "", /^(CNY|USD)$/);
  });
}

function leaving(client: ClientOf, targetOf: () => Target): void {
  test("leaving a stream cancels the upstream within 50 ms", async () => {
    const { engine, model } = targetOf();
    await assertLeavingCancels(engine, async (content) => {
      const messages = [user(content)];
      const stream = await client().chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      return performance.now();
    });
  });

  test("a client that runs out of patience gets its own time-out, and the upstream is freed", async () => {
    const { engine, model } = targetOf();
    const { content } = freshPrompt();
    engine.pace({ firstTokenDelayMs: 5_000 });
    try {
      await assert.rejects(
        client("/v1", { timeout: 300 }).chat.completions.create({
          model,
          messages: [user(content)],
        }),
        (error: Error) => error.constructor.name === "APIConnectionTimeoutError",
      );
      const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
      await engine.until(() => call()?.state === "canceled");
    } finally {
      engine.pace({});
    }
  });
}
