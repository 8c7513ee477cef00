import assert from "node:assert/strict";
import OpenAI from "openai";
import { weatherTool } from "../weather-tool.ts";
import { type Asked, answerSchema, type Client, statusIn } from "./client.ts";

const { name, description, parameters } = weatherTool.function;
const required = ["city"];
const tools = [
  {
    type: "function" as const,
    name,
    description,
    strict: null,
    parameters: { ...parameters, required },
  },
];

export function openaiOf({ origin, apiKey, maxRetries = 0, fetch = globalThis.fetch }: Asked) {
  return new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries, fetch });
}

/** The Responses API as OpenAI's own client speaks it, the second turn by the first one's id. */
export const openaiResponsesClient: Client = {
  name: "openai 7, responses",
  async whole(asked) {
    const { model, prompt: input } = asked;
    return told(await openaiOf(asked).responses.create({ model, input }));
  },
  async stream(asked, onPiece = () => "go") {
    const { model, prompt: input } = asked;
    const stream = openaiOf(asked).responses.stream({ model, input });
    for await (const event of stream) {
      if (event.type !== "response.output_text.delta") continue;
      if (onPiece(event.delta) === "leave") return { text: "", inputTokens: 0, outputTokens: 0 };
    }
    return told(await stream.finalResponse());
  },
  async toolLoop(asked) {
    const client = openaiOf(asked);
    const { model, prompt: input } = asked;
    const first = await client.responses.create({ model, input, tools });
    const [call] = first.output;
    assert.ok(call?.type === "function_call");
    const last = await client.responses.create({
      ...{ model, tools, previous_response_id: first.id },
      input: [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }],
    });
    return { name: call.name, city: JSON.parse(call.arguments).city, text: last.output_text };
  },
  async json(asked) {
    const { model, prompt: input } = asked;
    const format = { type: "json_schema" as const, name: "answer", schema: { ...answerSchema } };
    const response = await openaiOf(asked).responses.create({ model, input, text: { format } });
    return JSON.parse(response.output_text);
  },
  statusOf: statusIn,
};

function told({ output_text: text, usage }: OpenAI.Responses.Response) {
  return { text, inputTokens: usage?.input_tokens ?? 0, outputTokens: usage?.output_tokens ?? 0 };
}
