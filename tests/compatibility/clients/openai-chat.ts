import assert from "node:assert/strict";
import OpenAI from "openai";
import OpenAI6 from "openai-6";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client, statusIn } from "./client.ts";

type Message = OpenAI.ChatCompletionMessageParam;

const { name, description, parameters } = weatherTool.function;
const tool = { name, description, parameters: { ...parameters, required: ["city"] } };
const tools = [{ type: "function" as const, function: tool }];

/** OpenAI's client for chats, whose majors differ in nothing that is asked here. */
function openaiClient(title: string, Sdk: typeof OpenAI): Client {
  const of = ({ origin, apiKey, maxRetries = 0, fetch = globalThis.fetch }: Asked): OpenAI =>
    new Sdk({ baseURL: `${origin}/v1`, apiKey, maxRetries, fetch });
  const firstOf = ({ prompt }: Asked): Message => ({ role: "user", content: prompt });
  return {
    name: title,
    async whole(asked) {
      const { model } = asked;
      const request = { model, messages: [firstOf(asked)] };
      const { choices, usage } = await of(asked).chat.completions.create(request);
      return { text: choices[0]?.message.content ?? "", ...tokensIn(usage) };
    },
    async stream(asked, onPiece = () => "go") {
      const stream = await of(asked).chat.completions.create({
        ...{ model: asked.model, messages: [firstOf(asked)], stream: true },
        stream_options: { include_usage: true },
      });
      let text = "";
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        const piece = chunk.choices[0]?.delta.content ?? "";
        text += piece;
        usage = chunk.usage ?? usage;
        if (piece !== "" && onPiece(piece) === "leave") break;
      }
      return { text, ...tokensIn(usage) };
    },
    async toolLoop(asked) {
      const client = of(asked);
      const { model } = asked;
      const messages = [firstOf(asked)];
      const first = await client.chat.completions.create({ model, messages, tools });
      const said = first.choices[0]?.message;
      const call = said?.tool_calls?.[0];
      assert.ok(said && call?.type === "function");
      messages.push(said, { role: "tool", tool_call_id: call.id, content: "sunny" });
      const last = await client.chat.completions.create({ model, messages, tools });
      const { city } = JSON.parse(call.function.arguments) as { readonly city?: unknown };
      return { name: call.function.name, city, text: last.choices[0]?.message.content ?? "" };
    },
    async json(asked) {
      const json_schema = { name: "answer", strict: true, schema: { ...answerSchema } };
      const { choices } = await of(asked).chat.completions.create({
        ...{ model: asked.model, messages: [firstOf(asked)] },
        response_format: { type: "json_schema", json_schema },
      });
      return JSON.parse(choices[0]?.message.content ?? "");
    },
    statusOf: statusIn,
  };
}

function tokensIn(usage: OpenAI.CompletionUsage | null | undefined) {
  return { inputTokens: usage?.prompt_tokens ?? 0, outputTokens: usage?.completion_tokens ?? 0 };
}

export const openaiChatClients: readonly Client[] = [
  openaiClient("openai 7", OpenAI),
  // The types of the two versions differ in parts that nothing here touches.
  openaiClient("openai 6", OpenAI6 as unknown as typeof OpenAI),
];
