import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import Anthropic0 from "anthropic-sdk-0";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client, statusIn } from "./client.ts";

const { name, description, parameters } = weatherTool.function;
const tools = [{ name, description, input_schema: { ...parameters, required: ["city"] } }];

/** The Anthropic client, whose two majors differ in nothing that is asked here. */
function anthropicClient(title: string, Sdk: typeof Anthropic): Client {
  const of = ({ origin, apiKey, maxRetries = 0, fetch = globalThis.fetch }: Asked): Anthropic =>
    new Sdk({ baseURL: `${origin}/anthropic`, apiKey, maxRetries, fetch });
  const requestOf = ({ model, prompt }: Asked) => ({
    ...{ model, max_tokens: 600 },
    messages: [{ role: "user" as const, content: prompt }],
  });
  return {
    name: title,
    async whole(asked) {
      return told(await of(asked).messages.create(requestOf(asked)));
    },
    async stream(asked, onPiece = () => "go") {
      const stream = of(asked).messages.stream(requestOf(asked));
      for await (const event of stream) {
        if (event.type !== "content_block_delta" || event.delta.type !== "text_delta") continue;
        if (onPiece(event.delta.text) === "leave") return nothing;
      }
      return told(await stream.finalMessage());
    },
    async toolLoop(asked) {
      const client = of(asked);
      const request = { ...requestOf(asked), tools };
      const first = await client.messages.create(request);
      assert.equal(first.stop_reason, "tool_use");
      const use = first.content.find(({ type }) => type === "tool_use");
      assert.ok(use?.type === "tool_use");
      const result = { type: "tool_result" as const, tool_use_id: use.id, content: "sunny" };
      const last = await client.messages.create({
        ...request,
        messages: [
          ...request.messages,
          { role: "assistant", content: first.content },
          { role: "user", content: [result] },
        ],
      });
      const { city } = use.input as { readonly city?: unknown };
      return { name: use.name, city, text: told(last).text };
    },
    async json(asked) {
      const message = await of(asked).messages.create({
        ...requestOf(asked),
        output_config: { format: { type: "json_schema", schema: answerSchema } },
      });
      return JSON.parse(told(message).text);
    },
    statusOf: statusIn,
  };
}

const nothing = { text: "", inputTokens: 0, outputTokens: 0 };

function told({ content, usage }: Anthropic.Message) {
  const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
  const inputTokens = usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
  return { text, inputTokens, outputTokens: usage.output_tokens };
}

export const anthropicClients: readonly Client[] = [
  anthropicClient("@anthropic-ai/sdk 1", Anthropic),
  // The types of the two versions differ in parts that nothing here touches.
  anthropicClient("@anthropic-ai/sdk 0", Anthropic0 as unknown as typeof Anthropic),
];
