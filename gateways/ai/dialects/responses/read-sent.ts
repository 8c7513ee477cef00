import { readEvent, splitEvents } from "../../core/stream/server-event.ts";
import { isObject, type JsonObject } from "../reading.ts";
import { canonicalName } from "./tool-names.ts";

type Chunk = (delta: JsonObject, more?: JsonObject) => string;

/**
 * The canonical events of which the events of a response were made, so that another replica can go
 * on with it. What opens and closes items follows from the words, so only these are read; the words
 * of a custom tool are told once it is whole. Undefined where there is no beginning, or nonsense.
 */
export function readSentResponse(sent: Buffer): Buffer | undefined {
  let out = "";
  let chunk: Chunk | undefined;
  let calls = 0;
  for (const text of splitEvents(sent)) {
    const event = readEvent(text);
    if (event.kind === "comment") continue;
    if (event.kind !== "json" || !isObject(event.value)) return undefined;
    const { value } = event;
    if (value["type"] === "response.created") {
      chunk = chunksFor(value["response"]);
      out += chunk?.({ role: "assistant", content: "" }) ?? "";
      continue;
    }
    if (chunk === undefined) return undefined;
    if (value["type"] === "response.output_item.added" && isCall(value["item"])) calls += 1;
    out += canonicalOf(value, chunk, calls - 1);
  }
  return Buffer.from(out);
}

function canonicalOf(value: JsonObject, chunk: Chunk, call: number): string {
  const { type, delta, item, response } = value;
  switch (type) {
    case "response.reasoning_text.delta":
      return chunk({ content: null, reasoning_content: delta });
    case "response.output_text.delta":
      return chunk({ content: delta });
    case "response.output_item.added": {
      if (!isCall(item)) return "";
      const definition = { name: canonicalName(item, "item"), arguments: "" };
      const opening = { index: call, id: item["call_id"], type: "function", function: definition };
      return chunk({ tool_calls: [opening] });
    }
    case "response.function_call_arguments.delta":
      return chunk({ tool_calls: [{ index: call, function: { arguments: delta } }] });
    case "response.custom_tool_call_input.done": {
      const input = JSON.stringify({ input: value["input"] });
      return chunk({ tool_calls: [{ index: call, function: { arguments: input } }] });
    }
    case "response.completed":
    case "response.incomplete":
      return `${isObject(response) ? lastChunk(response, chunk, call) : ""}data: [DONE]\n\n`;
    default:
      return "";
  }
}

function isCall(item: unknown): item is JsonObject {
  return (
    isObject(item) && (item["type"] === "function_call" || item["type"] === "custom_tool_call")
  );
}

function chunksFor(response: unknown): Chunk | undefined {
  if (!isObject(response)) return undefined;
  const { id, created_at: created, model } = response;
  const head = { id, object: "chat.completion.chunk", created, model };
  return (delta, { finish_reason: reason = null, ...more } = {}) => {
    const choices = [{ index: 0, delta, finish_reason: reason }];
    return `data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`;
  };
}

/** With the reason for the end and the usage, from the response as it was told in the end. */
function lastChunk(response: JsonObject, chunk: Chunk, call: number): string {
  const { incomplete_details: details, usage } = response;
  const why = isObject(details) ? details["reason"] : undefined;
  const whole = call >= 0 ? "tool_calls" : "stop";
  const short = why === "content_filter" ? "content_filter" : "length";
  const reason = why === undefined ? whole : short;
  return chunk({ content: "" }, { finish_reason: reason, usage: canonicalUsage(usage) });
}

function canonicalUsage(given: unknown): JsonObject {
  const usage = isObject(given) ? given : {};
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage;
  const inputs = isObject(usage["input_tokens_details"]) ? usage["input_tokens_details"] : {};
  const outputs = isObject(usage["output_tokens_details"]) ? usage["output_tokens_details"] : {};
  return {
    ...{ prompt_tokens: input, completion_tokens: output, total_tokens: total },
    prompt_cache_hit_tokens: inputs["cached_tokens"],
    completion_tokens_details: { reasoning_tokens: outputs["reasoning_tokens"] },
  };
}
