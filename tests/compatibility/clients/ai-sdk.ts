import { createAnthropic } from "@ai-sdk/anthropic";
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  generateText,
  isStepCount,
  jsonSchema,
  type LanguageModel,
  Output,
  streamText,
  tool,
} from "ai";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client } from "./client.ts";

function aiSdkClient(name: string, modelOf: (asked: Asked) => LanguageModel): Client {
  const optionsOf = (asked: Asked) => ({
    ...{ model: modelOf(asked), prompt: asked.prompt, maxRetries: asked.maxRetries ?? 0 },
    maxOutputTokens: 600,
  });
  return {
    name,
    async whole(asked) {
      const { text, usage } = await generateText(optionsOf(asked));
      return { text, ...tokensIn(usage) };
    },
    async stream(asked, onPiece = () => "go") {
      const abort = new AbortController();
      let failure: unknown;
      const result = streamText({
        ...{ ...optionsOf(asked), abortSignal: abort.signal },
        onError: ({ error }) => {
          failure = error;
        },
      });
      let text = "";
      for await (const piece of result.textStream) {
        text += piece;
        if (onPiece(piece) === "leave") abort.abort();
      }
      if (abort.signal.aborted) return { text, inputTokens: 0, outputTokens: 0 };
      if (failure !== undefined) throw failure;
      return { text, ...tokensIn(await result.usage) };
    },
    async toolLoop(asked) {
      let city: unknown;
      let called = "";
      const { text } = await generateText({
        ...optionsOf(asked),
        stopWhen: isStepCount(2),
        tools: {
          weather: tool({
            description: weatherTool.function.description,
            inputSchema: jsonSchema<{ city: string }>({
              type: "object",
              properties: { city: { type: "string" } },
              required: ["city"],
            }),
            execute: (input) => {
              called = "weather";
              city = input.city;
              return Promise.resolve("sunny");
            },
          }),
        },
      });
      return { name: called, city, text };
    },
    async json(asked) {
      const schema = jsonSchema<{ answer: string }>({ ...answerSchema, required: ["answer"] });
      const { output } = await generateText({
        ...optionsOf(asked),
        output: Output.object({ schema }),
      });
      return output;
    },
    statusOf: (error) => (APICallError.isInstance(error) ? error.statusCode : undefined),
  };
}

function tokensIn(usage: {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}) {
  return { inputTokens: usage.inputTokens ?? 0, outputTokens: usage.outputTokens ?? 0 };
}

export const aiSdkClients: readonly Client[] = [
  aiSdkClient("ai with @ai-sdk/anthropic", ({ origin, apiKey, model, fetch = globalThis.fetch }) =>
    createAnthropic({ baseURL: `${origin}/anthropic/v1`, apiKey, fetch })(model),
  ),
  aiSdkClient("ai with @ai-sdk/deepseek", ({ origin, apiKey, model, fetch = globalThis.fetch }) =>
    createDeepSeek({ baseURL: `${origin}/v1`, apiKey, fetch })(model),
  ),
  aiSdkClient(
    "ai with @ai-sdk/openai-compatible",
    ({ origin, apiKey, model, fetch = globalThis.fetch }) =>
      createOpenAICompatible({
        ...{ name: "tandem", baseURL: `${origin}/v1`, apiKey, fetch, includeUsage: true },
        supportsStructuredOutputs: true,
      })(model),
  ),
];
