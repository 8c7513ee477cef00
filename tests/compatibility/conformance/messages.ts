/** Anthropic's Messages, byte by byte as its documentation has them. */
import { answerSchema } from "../clients/client.ts";
import { weatherTool } from "../weather-tool.ts";
import { type HttpDialect, type HttpError, streamRefusal } from "./http.ts";
import type { Ask, Joiner, Usage } from "./transport.ts";

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly name?: string;
  readonly input?: unknown;
}

interface UsageJson {
  readonly input_tokens?: number;
  readonly cache_read_input_tokens?: number;
  readonly output_tokens: number;
  readonly x_tandem?: { readonly cost?: string };
}

interface Message {
  readonly content: readonly Block[];
  readonly stop_reason: string;
  readonly usage: UsageJson;
}

type StreamEvent =
  | { readonly type: "content_block_start"; readonly index: number; readonly content_block: Block }
  | { readonly type: "content_block_delta"; readonly index: number; readonly delta: Delta }
  | {
      readonly type: "message_delta";
      readonly delta: { readonly stop_reason: string };
      readonly usage: UsageJson;
    }
  | { readonly type: "message_stop" }
  | { readonly type: "error"; readonly error: ErrorJson };

interface Delta {
  readonly text?: string;
  readonly thinking?: string;
  readonly partial_json?: string;
}

interface ErrorJson {
  readonly type: string;
  readonly message: string;
}

const { name, description, parameters } = weatherTool.function;
const tool = { name, description, input_schema: { ...parameters, required: ["city"] } };

const reasons: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "tool_calls",
};

export const anthropicMessages: HttpDialect = {
  name: "Anthropic Messages",
  path: "/v1/messages",
  streams: true,
  body: ({ content, maxTokens, ...ask }: Ask, model, isStream) => ({
    ...{ model, max_tokens: maxTokens ?? 600, messages: [{ role: "user", content }] },
    ...(ask.isOutOfRange ? { temperature: 3 } : {}),
    ...(ask.usesTool ? { tools: [tool], tool_choice: { type: "tool", name } } : {}),
    ...(ask.isJson
      ? { output_config: { format: { type: "json_schema", schema: answerSchema } } }
      : {}),
    ...(isStream ? { stream: true } : {}),
  }),
  join(joiner, { data }) {
    const event = JSON.parse(data) as StreamEvent;
    switch (event.type) {
      case "content_block_start": {
        const { type, name: called = "" } = event.content_block;
        if (type === "tool_use") joiner.addCall(event.index, { name: called, arguments: "" });
        return false;
      }
      case "content_block_delta":
        joinDelta(joiner, event.index, event.delta);
        return false;
      case "message_delta":
        end(joiner, event.delta.stop_reason, event.usage);
        return false;
      case "error":
        throw streamRefusal(errorOf(event), joiner.text);
      case "message_stop":
        return true;
      default:
        return false;
    }
  },
  joinWhole(joiner, body) {
    const { content, stop_reason, usage } = body as Message;
    for (const [index, block] of content.entries()) {
      if (block.type === "tool_use") {
        const text = JSON.stringify(block.input);
        joiner.addCall(index, { name: block.name ?? "", arguments: text });
      } else joinDelta(joiner, index, block);
    }
    end(joiner, stop_reason, usage);
  },
  errorOf,
};

function joinDelta(joiner: Joiner, index: number, delta: Delta): void {
  joiner.text += delta.text ?? "";
  joiner.reasoning += delta.thinking ?? "";
  if (delta.partial_json !== undefined) {
    joiner.addCall(index, { name: "", arguments: delta.partial_json });
  }
}

function end(joiner: Joiner, reason: string, usage: UsageJson): void {
  joiner.finishReasons.push(reasons[reason] ?? reason);
  joiner.told = reason;
  joiner.usage = usageOf(usage);
}

function usageOf(usage: UsageJson): Usage {
  return {
    prompt: (usage.input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0),
    completion: usage.output_tokens,
    reasoning: undefined,
    cost: usage.x_tandem?.cost ?? "",
  };
}

function errorOf(body: unknown): HttpError {
  const { error } = body as { readonly error: ErrorJson };
  return { message: error.message, code: error.type };
}
