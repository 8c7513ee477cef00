import assert from "node:assert/strict";
import { ChatAnthropic } from "@langchain/anthropic";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { HumanMessage, ToolMessage, type UsageMetadata } from "@langchain/core/messages";
import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatOpenAI } from "@langchain/openai";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client, statusIn } from "./client.ts";

type Model = ChatAnthropic | ChatDeepSeek | ChatOpenAI;

function langchainClient(
  name: string,
  given: { readonly modelOf: (asked: Asked) => Model; readonly guessesInput?: boolean },
): Client {
  const { modelOf, guessesInput = false } = given;
  return {
    name,
    guessesInput,
    async whole(asked) {
      return told(await modelOf(asked).invoke(asked.prompt));
    },
    async stream(asked, onPiece = () => "go") {
      let text = "";
      let inputTokens = 0;
      let outputTokens = 0;
      for await (const chunk of await modelOf(asked).stream(asked.prompt)) {
        text += chunk.text;
        inputTokens += usageOf(chunk)?.input_tokens ?? 0;
        outputTokens += usageOf(chunk)?.output_tokens ?? 0;
        if (chunk.text !== "" && onPiece(chunk.text) === "leave") break;
      }
      return { text, inputTokens, outputTokens };
    },
    async toolLoop(asked) {
      const model = (modelOf(asked) as BaseChatModel).bindTools?.([weatherTool]);
      assert.ok(model);
      const question = new HumanMessage(asked.prompt);
      const first = await model.invoke([question]);
      const [call] = first.tool_calls ?? [];
      const result = new ToolMessage({ content: "sunny", tool_call_id: call?.id ?? "" });
      const last = await model.invoke([question, first, result]);
      return { name: call?.name ?? "", city: call?.args["city"], text: last.text };
    },
    json: (asked) =>
      (modelOf(asked) as BaseChatModel).withStructuredOutput(answerSchema).invoke(asked.prompt),
    statusOf: statusIn,
  };
}

/** The usage of a message; the client's own types lose it on the way. */
function usageOf(message: object): UsageMetadata | undefined {
  return (message as { readonly usage_metadata?: UsageMetadata }).usage_metadata;
}

function told(message: { readonly text: string }) {
  const usage = usageOf(message);
  return {
    text: message.text,
    inputTokens: usage?.input_tokens ?? 0,
    outputTokens: usage?.output_tokens ?? 0,
  };
}

export const langchainClients: readonly Client[] = [
  langchainClient("@langchain/anthropic", {
    guessesInput: true,
    modelOf: ({ origin, apiKey, model, maxRetries = 0, fetch = globalThis.fetch }) =>
      new ChatAnthropic({
        ...{ apiKey, model, maxRetries, maxTokens: 600, anthropicApiUrl: `${origin}/anthropic` },
        clientOptions: { fetch },
      }),
  }),
  langchainClient("@langchain/deepseek", {
    modelOf: ({ origin, apiKey, model, maxRetries = 0, fetch = globalThis.fetch }) =>
      new ChatDeepSeek({
        ...{ apiKey, model, maxRetries },
        configuration: { baseURL: `${origin}/v1`, fetch },
      }),
  }),
  langchainClient("@langchain/openai, responses", {
    modelOf: ({ origin, apiKey, model, maxRetries = 0, fetch = globalThis.fetch }) =>
      new ChatOpenAI({
        ...{ apiKey, model, maxRetries, useResponsesApi: true },
        configuration: { baseURL: `${origin}/v1`, fetch },
      }),
  }),
  langchainClient("@langchain/openai", {
    modelOf: ({ origin, apiKey, model, maxRetries = 0, fetch = globalThis.fetch }) =>
      new ChatOpenAI({
        ...{ apiKey, model, maxRetries },
        configuration: { baseURL: `${origin}/v1`, fetch },
      }),
  }),
];
