import assert from "node:assert/strict";
import type { ChatMessage, ToolCallLLMMessageOptions } from "@llamaindex/core/llms";
import { tool } from "@llamaindex/core/tools";
import { OpenAI } from "@llamaindex/openai";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client, statusIn } from "./client.ts";

type Message = ChatMessage<ToolCallLLMMessageOptions>;

function modelOf({ origin, apiKey, model, maxRetries = 0, fetch = globalThis.fetch }: Asked) {
  return new OpenAI({
    ...{ model, apiKey, baseURL: `${origin}/v1`, maxRetries },
    additionalSessionOptions: { fetch },
  });
}

const weather = tool({
  name: weatherTool.function.name,
  description: weatherTool.function.description,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
  execute: () => "sunny",
});

export const llamaindexClient: Client = {
  name: "llamaindex",
  lacksUsage: true,
  readsOn: true,
  async whole(asked) {
    const { message, raw } = await modelOf(asked).chat({ messages: [user(asked.prompt)] });
    return { text: String(message.content), ...tokensIn(raw) };
  },
  async stream(asked, onPiece = () => "go") {
    let text = "";
    const stream = await modelOf(asked).chat({ messages: [user(asked.prompt)], stream: true });
    for await (const { delta } of stream) {
      text += delta;
      if (delta !== "" && onPiece(delta) === "leave") break;
    }
    return { text, inputTokens: 0, outputTokens: 0 };
  },
  async toolLoop(asked) {
    const model = modelOf(asked);
    const messages: Message[] = [user(asked.prompt)];
    const first = await model.chat({ messages, tools: [weather] });
    const options = first.message.options;
    assert.ok(options !== undefined && "toolCall" in options);
    const [call] = options.toolCall;
    assert.ok(call);
    const toolResult = { id: call.id, result: "sunny", isError: false };
    messages.push(first.message, { role: "user", content: "sunny", options: { toolResult } });
    const last = await model.chat({ messages, tools: [weather] });
    const input = typeof call.input === "string" ? JSON.parse(call.input) : call.input;
    return { name: call.name, city: input.city, text: String(last.message.content) };
  },
  async json(asked) {
    const response_format = {
      type: "json_schema" as const,
      json_schema: { name: "answer", schema: answerSchema, strict: true },
    };
    const { message } = await modelOf(asked).chat({
      messages: [user(asked.prompt)],
      additionalChatOptions: { response_format },
    });
    return JSON.parse(String(message.content));
  },
  statusOf: statusIn,
};

function user(content: string): Message {
  return { role: "user", content };
}

function tokensIn(raw: unknown) {
  const { usage } = raw as { usage?: { prompt_tokens: number; completion_tokens: number } };
  return { inputTokens: usage?.prompt_tokens ?? 0, outputTokens: usage?.completion_tokens ?? 0 };
}
