import { isObject, type JsonObject } from "../reading.ts";
import type { ToolNames } from "./tool-names.ts";

/** What an answer is told with, besides what was generated. */
export interface Envelope {
  /** `resp_…` */
  readonly id: string;
  readonly echo: JsonObject;
  readonly toolNames: ToolNames;
  readonly isBackground: boolean;
}

/** `queued`: accepted, and nothing of it was made yet. */
export type ResponseState = "queued" | "in_progress" | "completed" | "incomplete" | "failed";

/** Ids follow from the response's, so that a stream and a whole answer have the same. */
export function itemId({ id }: Envelope, prefix: string, index: number): string {
  return `${prefix}_${id.replace("resp_", "")}_${index}`;
}

export function responseObject(
  envelope: Envelope,
  given: {
    readonly createdAt: unknown;
    readonly model: unknown;
    readonly status: ResponseState;
    readonly output: readonly JsonObject[];
    readonly usage: JsonObject | null;
    readonly incomplete?: string | undefined;
    readonly error?: JsonObject | undefined;
  },
): JsonObject {
  const { createdAt, model, status, output, usage, incomplete, error } = given;
  return {
    id: envelope.id,
    object: "response",
    created_at: createdAt,
    status,
    background: envelope.isBackground,
    error: error ?? null,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    model,
    output,
    ...envelope.echo,
    usage,
  };
}

/** Why an answer is not complete; undefined when it is. */
export function incompleteReason(finishReason: string): string | undefined {
  if (finishReason === "content_filter") return "content_filter";
  const isWhole = ["stop", "tool_calls", "function_call", "eos"].includes(finishReason);
  return isWhole ? undefined : "max_output_tokens";
}

export function responseUsage(canonical: unknown): JsonObject {
  const usage = isObject(canonical) ? canonical : {};
  const details = usage["completion_tokens_details"];
  const reasoning = isObject(details) ? countOf(details["reasoning_tokens"]) : 0;
  const input = countOf(usage["prompt_tokens"]);
  const output = countOf(usage["completion_tokens"]);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: countOf(usage["prompt_cache_hit_tokens"]) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
    ...(isObject(usage["x_tandem"]) ? { x_tandem: usage["x_tandem"] } : {}),
  };
}

function countOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

export function reasoningItem(id: string, text: string): JsonObject {
  const content = text === "" ? [] : [{ type: "reasoning_text", text }];
  return { id, type: "reasoning", summary: [], content };
}

export function messageItem(id: string, text: string | undefined): JsonObject {
  const part = { type: "output_text", annotations: [], logprobs: [], text };
  const isBegun = text !== undefined;
  return {
    id,
    type: "message",
    status: isBegun ? "completed" : "in_progress",
    role: "assistant",
    content: isBegun ? [part] : [],
  };
}

export function callItem(
  { toolNames }: Envelope,
  call: {
    readonly id: string;
    readonly callId: string;
    readonly name: string;
    readonly arguments: string;
    readonly isBegun?: boolean;
  },
): JsonObject {
  const { id, callId } = call;
  const status = call.isBegun === true ? "in_progress" : "completed";
  const about = { status, call_id: callId, ...(toolNames.grouped.get(call.name) ?? nameOf(call)) };
  if (!toolNames.custom.has(call.name)) {
    return { id, type: "function_call", ...about, arguments: call.arguments };
  }
  return { id, type: "custom_tool_call", ...about, input: customInput(call.arguments) };
}

function nameOf({ name }: { readonly name: string }): { readonly name: string } {
  return { name };
}

/** The text that a custom tool is given; what is no such object, as it came. */
export function customInput(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && typeof value["input"] === "string" ? value["input"] : text;
  } catch {
    return text;
  }
}
