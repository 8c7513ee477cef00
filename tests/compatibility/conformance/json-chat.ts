/** The JSON API's words, for the transports that carry them. */
import { weatherTool } from "../weather-tool.ts";
import type { Ask, Joiner, Usage } from "./transport.ts";

export function chatJson(ask: Ask, model: string): Record<string, unknown> {
  const tool = { type: "function", function: { name: weatherTool.function.name } };
  return {
    model: ask.model ?? model,
    messages: [{ role: "user", content: ask.content }, ...messagesAfter(ask)],
    max_tokens: ask.maxTokens,
    ...(ask.isOutOfRange ? { temperature: 3 } : {}),
    ...(ask.usesTool ? { tools: [weatherTool], tool_choice: tool } : {}),
    ...(ask.isJson ? { response_format: { type: "json_object" } } : {}),
    ...(ask.schema === undefined ? {} : { response_format: schemaFormat(ask.schema) }),
  };
}

function schemaFormat(schema: object): object {
  return { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };
}

const callId = "call_1";

function messagesAfter({ after }: Ask): readonly object[] {
  if (after === undefined) return [];
  const calls = [{ id: callId, type: "function", function: after.call }];
  return [
    { role: "assistant", content: null, tool_calls: calls },
    { role: "tool", tool_call_id: callId, content: after.result },
  ];
}

interface MessageJson {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly {
    readonly index?: number;
    readonly function: { readonly name?: string; readonly arguments?: string };
  }[];
}

export interface ChatJson {
  readonly choices: readonly {
    readonly message?: MessageJson;
    readonly delta?: MessageJson;
    /** Of a text completion. */
    readonly text?: string | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: UsageJson | null;
}

interface UsageJson {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number };
  readonly x_tandem?: { readonly cost?: string };
}

export function joinJson(joiner: Joiner, json: ChatJson): void {
  for (const choice of json.choices) {
    const message = choice.delta ?? choice.message ?? {};
    joiner.text += message.content ?? choice.text ?? "";
    joiner.reasoning += message.reasoning_content ?? "";
    for (const [at, call] of (message.tool_calls ?? []).entries()) {
      const { name = "", arguments: text = "" } = call.function;
      joiner.addCall(call.index ?? at, { name, arguments: text });
    }
    if (choice.finish_reason) joiner.finishReasons.push(choice.finish_reason);
  }
  if (json.usage) joiner.usage = usageOf(json.usage);
}

function usageOf(usage: UsageJson): Usage {
  return {
    prompt: usage.prompt_tokens,
    completion: usage.completion_tokens ?? 0,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    cost: usage.x_tandem?.cost ?? "",
  };
}

export interface ErrorJson {
  readonly message: string;
  readonly code: string;
  readonly request_id?: string;
}
