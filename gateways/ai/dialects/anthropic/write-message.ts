import { isObject, type JsonObject } from "../reading.ts";
import { messageUsage } from "./message-usage.ts";
import { stopReasonOf, stopSequenceIn, unsignedThought } from "./vocabulary.ts";

/** A whole canonical answer as Anthropic's message. */
export function writeMessage(
  answer: JsonObject,
  { stopSequences }: { readonly stopSequences: readonly string[] },
): string {
  const choices = answer["choices"];
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const choice = isObject(first) ? first : {};
  const message = isObject(choice["message"]) ? choice["message"] : {};
  const sequence = stopSequenceIn(choice, stopSequences);
  const finishReason = String(choice["finish_reason"] ?? "");
  const hasCalls = Array.isArray(message["tool_calls"]) && message["tool_calls"].length > 0;
  return JSON.stringify({
    id: messageId(answer["id"]),
    type: "message",
    role: "assistant",
    model: answer["model"] ?? "",
    content: contentOf(message),
    stop_reason: sequence === null ? stopReasonOf(finishReason, hasCalls) : "stop_sequence",
    stop_sequence: sequence,
    usage: messageUsage(answer["usage"]),
  });
}

/** Anthropic's ids begin with `msg_`; the upstream's own stays visible behind it. */
export function messageId(id: unknown): string {
  const text = typeof id === "string" ? id : "";
  return text.startsWith("msg_") ? text : `msg_${text}`;
}

function contentOf(message: JsonObject): readonly object[] {
  const blocks: object[] = [];
  const { content, reasoning_content: thinking, refusal } = message;
  const signature = message["reasoning_signature"];
  if (isText(thinking)) {
    blocks.push({
      type: "thinking",
      thinking,
      signature: isText(signature) ? signature : unsignedThought,
    });
  }
  if (isText(message["redacted_reasoning"])) {
    blocks.push({ type: "redacted_thinking", data: message["redacted_reasoning"] });
  }
  if (isText(content)) blocks.push({ type: "text", text: content });
  if (isText(refusal)) blocks.push({ type: "text", text: refusal });
  const calls = message["tool_calls"];
  for (const [index, call] of (Array.isArray(calls) ? calls : []).entries()) {
    if (isObject(call)) blocks.push(toolUse(call, index));
  }
  return blocks;
}

function toolUse(call: JsonObject, index: number): object {
  const definition = isObject(call["function"]) ? call["function"] : {};
  return {
    type: "tool_use",
    id: isText(call["id"]) ? call["id"] : `toolu_${index + 1}`,
    name: String(definition["name"] ?? ""),
    input: inputOf(definition["arguments"]),
  };
}

/** Models write arguments that are no JSON at times; what they wrote is not lost. */
function inputOf(text: unknown): unknown {
  if (!isText(text)) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : { arguments: value };
  } catch {
    return { arguments: text };
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
