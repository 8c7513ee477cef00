import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HumanMessage, ToolMessage, type UsageMetadata } from "@langchain/core/messages";
import { ChatDeepSeek } from "@langchain/deepseek";
import { assertLeavingCancels } from "./cancellation.ts";
import { freshPrompt } from "./prompt.ts";
import { notingFetch } from "./statuses.ts";
import type { Target } from "./target.ts";
import { weatherTool } from "./weather-tool.ts";

/** LangChain.js with its DeepSeek integration. */
export function langchainSuite(targetOf: () => Target): void {
  const modelOf: ModelOf = ({ path = "/v1", fetch = globalThis.fetch, ...fields } = {}) => {
    const { origin, apiKey, model } = targetOf();
    return new ChatDeepSeek({
      ...{ apiKey, model, maxRetries: 0, configuration: { baseURL: origin + path, fetch } },
      ...fields,
    });
  };
  describe("@langchain/deepseek", () => {
    texts(modelOf, targetOf);
    structures(modelOf);
    troubles(modelOf, targetOf);
  });
}

interface Fields {
  readonly path?: string;
  readonly model?: string;
  readonly apiKey?: string;
  readonly maxRetries?: number;
  readonly fetch?: typeof fetch;
}

type ModelOf = (fields?: Fields) => ChatDeepSeek;

/** The usage of a message; the client's own types lose it on the way. */
function usageOf(message: object): UsageMetadata | undefined {
  return (message as { readonly usage_metadata?: UsageMetadata }).usage_metadata;
}

function texts(modelOf: ModelOf, targetOf: () => Target): void {
  test("a whole answer is the engine's, its usage with the cached tokens", async () => {
    const { content, expected } = freshPrompt();
    const answer = await modelOf().invoke(content);
    assert.equal(answer.text, expected);
    const usage = usageOf(answer);
    assert.equal(usage?.output_tokens, 16);
    assert.equal(usage?.input_token_details?.cache_read, 2);
    assert.equal(answer.response_metadata["finish_reason"], "stop");
  });

  for (const path of ["", "/v1", "/beta"]) {
    test(`a stream under "${path}" joins to the same text and reports its usage`, async () => {
      const { content, expected } = freshPrompt();
      let text = "";
      let outputTokens = 0;
      for await (const chunk of await modelOf({ path }).stream(content)) {
        text += chunk.text;
        outputTokens += usageOf(chunk)?.output_tokens ?? 0;
      }
      assert.equal(text, expected);
      assert.equal(outputTokens, 16);
    });
  }

  test("reasoning is told apart from the answer", async () => {
    const { content, expected } = freshPrompt();
    const answer = await modelOf({ model: targetOf().thinker }).invoke(content);
    assert.equal(answer.text, expected);
    assert.ok(String(answer.additional_kwargs["reasoning_content"]).length > 0);
  });
}

function structures(modelOf: ModelOf): void {
  test("a tool loop runs through, though the client drops the reasoning", async () => {
    const { content } = freshPrompt();
    const model = modelOf().bindTools([weatherTool]);
    const question = new HumanMessage(`${content}: ask weather`);
    const asked = await model.invoke([question]);
    const [call] = asked.tool_calls ?? [];
    assert.equal(call?.name, "weather");
    assert.equal(typeof call?.args["city"], "string");
    const result = new ToolMessage({ content: "sunny", tool_call_id: call?.id ?? "" });
    const answer = await model.invoke([question, asked, result]);
    assert.ok(answer.text.length > 0);
    assert.deepEqual(answer.tool_calls, []);
  });

  test("structured output works, which sends a named tool choice", async () => {
    const { content } = freshPrompt();
    const model = modelOf().withStructuredOutput({
      title: "weather",
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    });
    const answer: { city?: unknown } = await model.invoke(content);
    assert.equal(typeof answer.city, "string");
  });
}

function troubles(modelOf: ModelOf, targetOf: () => Target): void {
  test("a bad key fails with status 401 and is not tried again", async () => {
    const model = modelOf({ apiKey: "sk-not-a-key", maxRetries: 3 });
    const startMs = performance.now();
    await assert.rejects(model.invoke("x"), { status: 401 });
    assert.ok(performance.now() - startMs < 2_000);
  });

  test("too fast is tried again, which this client does for a plain Retry-After only", async () => {
    const { makeExhaustedKey } = targetOf();
    const { fetch, statuses } = notingFetch();
    const model = modelOf({ apiKey: await makeExhaustedKey(), maxRetries: 6, fetch });
    const { content, expected } = freshPrompt();
    assert.equal((await model.invoke(content)).text, expected);
    assert.equal(statuses[0], 429);
    assert.equal(statuses.at(-1), 200);
  });

  test("an unknown model fails with a message that names it", async () => {
    await assert.rejects(modelOf({ model: "no-such-model" }).invoke("x"), /no-such-model/);
  });

  test("leaving a stream cancels the upstream within 50 ms", async () => {
    await assertLeavingCancels(targetOf().engine, async (content) => {
      for await (const chunk of await modelOf().stream(content)) if (chunk.text !== "") break;
      return performance.now();
    });
  });
}
