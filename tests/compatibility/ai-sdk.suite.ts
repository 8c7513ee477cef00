import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { APICallError, generateText, jsonSchema, Output, streamText, tool } from "ai";
import { assertLeavingCancels } from "./cancellation.ts";
import { freshPrompt } from "./prompt.ts";
import { notingFetch } from "./statuses.ts";
import type { Target } from "./target.ts";
import { weatherTool } from "./weather-tool.ts";

/** The Vercel AI SDK with DeepSeek's provider, as `ai` and `@ai-sdk/deepseek` are published. */
export function aiSdkSuite(targetOf: () => Target): void {
  const modelOf = (path = "/v1", name = targetOf().model) => {
    const { origin, apiKey } = targetOf();
    return createDeepSeek({ baseURL: origin + path, apiKey })(name);
  };
  describe("ai with @ai-sdk/deepseek", () => {
    texts(modelOf, targetOf);
    structures(modelOf);
    troubles(modelOf, targetOf);
  });
}

type ModelOf = (path?: string, name?: string) => ReturnType<ReturnType<typeof createDeepSeek>>;

function texts(modelOf: ModelOf, targetOf: () => Target): void {
  test("a whole answer is the engine's, its usage with the cached tokens", async () => {
    const { content, expected } = freshPrompt();
    const { text, finishReason, usage } = await generateText({ model: modelOf(), prompt: content });
    assert.equal(text, expected);
    assert.equal(finishReason, "stop");
    assert.equal(usage.inputTokenDetails.cacheReadTokens, 2);
    assert.equal((usage.inputTokens ?? 0) + (usage.outputTokens ?? 0), usage.totalTokens);
  });

  for (const path of ["", "/v1", "/beta"]) {
    test(`a stream under "${path}" joins to the same text and reports its usage`, async () => {
      const { content, expected } = freshPrompt();
      const result = streamText({ model: modelOf(path), prompt: content });
      const pieces: string[] = [];
      for await (const piece of result.textStream) pieces.push(piece);
      assert.ok(pieces.length > 1);
      assert.equal(pieces.join(""), expected);
      assert.equal(await result.finishReason, "stop");
      const { inputTokens, outputTokens } = await result.usage;
      assert.ok((inputTokens ?? 0) > 0 && outputTokens === 16);
    });
  }

  test("reasoning is told apart from the answer", async () => {
    const { content, expected } = freshPrompt();
    const model = modelOf("/v1", targetOf().thinker);
    const { text, reasoningText, usage } = await generateText({ model, prompt: content });
    assert.equal(text, expected);
    assert.ok((reasoningText ?? "").length > 0);
    assert.equal(usage.outputTokenDetails.reasoningTokens, 6);
  });

  test("a prefix is continued under /beta", async () => {
    const { content, expected } = freshPrompt();
    const prefix = expected.slice(0, 20);
    const { text } = await generateText({
      model: modelOf("/beta"),
      messages: [
        { role: "user", content },
        { role: "assistant", content: prefix, providerOptions: { deepseek: { prefix: true } } },
      ],
    });
    assert.equal(prefix + text, expected);
  });
}

function structures(modelOf: ModelOf): void {
  test("a tool is called with arguments that its schema accepts", async () => {
    const { content } = freshPrompt();
    const inputSchema = jsonSchema<{ city: string }>({
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    });
    const { description } = weatherTool.function;
    const execute = ({ city }: { city: string }) => Promise.resolve(`sunny in ${city}`);
    const tools = { weather: tool({ description, inputSchema, execute }) };
    const prompt = `${content}: ask weather`;
    const whole = await generateText({ model: modelOf(), prompt, tools });
    assert.equal(whole.finishReason, "tool-calls");
    const [call] = whole.toolCalls;
    assert.equal(call?.toolName, "weather");
    const streamed = streamText({ model: modelOf(), prompt, tools });
    const [again] = await streamed.toolCalls;
    assert.deepEqual(again?.input, call?.input);
  });

  test("an object is generated in JSON mode", async () => {
    const { content } = freshPrompt();
    const { output } = await generateText({
      model: modelOf(),
      prompt: content,
      output: Output.object({
        schema: jsonSchema<{ answer: string }>({
          type: "object",
          properties: { answer: { type: "string" } },
          required: ["answer"],
          additionalProperties: false,
        }),
      }),
    });
    assert.equal(typeof output.answer, "string");
  });
}

function troubles(modelOf: ModelOf, targetOf: () => Target): void {
  test("a bad key is an API error with status and message, and is not tried again", async () => {
    const { origin, model } = targetOf();
    const stranger = createDeepSeek({ baseURL: `${origin}/v1`, apiKey: "sk-not-a-key" })(model);
    await assert.rejects(generateText({ model: stranger, prompt: "x" }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.equal(error.statusCode, 401);
      assert.equal(error.isRetryable, false);
      assert.ok(error.message.length > 0);
      return true;
    });
  });

  test("too fast is tried again when Retry-After says so, and then answered", async () => {
    const { origin, model, makeExhaustedKey } = targetOf();
    const { fetch, statuses } = notingFetch();
    const apiKey = await makeExhaustedKey();
    const patient = createDeepSeek({ baseURL: `${origin}/v1`, apiKey, fetch })(model);
    const { content, expected } = freshPrompt();
    assert.equal((await generateText({ model: patient, prompt: content })).text, expected);
    assert.deepEqual(statuses, [429, 200]);
  });

  test("an unknown model is an API error that names it", async () => {
    const unknown = generateText({ model: modelOf("/v1", "no-such-model"), prompt: "x" });
    await assert.rejects(unknown, (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.ok([400, 404].includes(error.statusCode ?? 0), String(error.statusCode));
      assert.match(error.message, /no-such-model/);
      return true;
    });
  });

  test("an abort cancels the upstream within 50 ms", async () => {
    await assertLeavingCancels(targetOf().engine, async (content) => {
      const abort = new AbortController();
      const { textStream } = streamText({
        ...{ model: modelOf(), prompt: content, abortSignal: abort.signal },
        onError: () => undefined,
      });
      let leftMs = 0;
      for await (const _piece of textStream) {
        leftMs ||= performance.now();
        abort.abort();
      }
      return leftMs;
    });
  });
}
