import { finishReasonOf } from "../../dialects/anthropic/vocabulary.ts";
import { isObject, type JsonObject } from "../../dialects/reading.ts";
import { AnthropicUsage } from "./read-usage.ts";

/**
 * A whole answer of an Anthropic upstream in canonical form. What is no message is given back as it
 * is, for the reader of whole answers to say what is wrong with it.
 */
export function readMessage(body: Buffer, createdAtMs: number): Buffer {
  let message: unknown;
  try {
    message = JSON.parse(body.toString());
  } catch {
    return body;
  }
  if (!isObject(message) || message["type"] !== "message") return body;
  if (!Array.isArray(message["content"])) return body;
  const stopReason = String(message["stop_reason"] ?? "");
  const sequence = message["stop_sequence"];
  const usage = new AnthropicUsage();
  usage.take(message["usage"]);
  return Buffer.from(
    JSON.stringify({
      id: message["id"],
      object: "chat.completion",
      created: Math.floor(createdAtMs / 1_000),
      model: message["model"],
      choices: [
        {
          index: 0,
          message: messageOf(message["content"]),
          logprobs: null,
          finish_reason: finishReasonOf(stopReason),
          ...(typeof sequence === "string" ? { stop_reason: sequence } : {}),
        },
      ],
      usage: usage.canonical(),
    }),
  );
}

function messageOf(blocks: readonly unknown[]): JsonObject {
  let text = "";
  let thinking = "";
  let signature = "";
  let redacted = "";
  const calls: JsonObject[] = [];
  for (const block of blocks) {
    if (!isObject(block)) continue;
    const { type } = block;
    if (type === "text") text += String(block["text"] ?? "");
    else if (type === "thinking") {
      thinking += String(block["thinking"] ?? "");
      signature = String(block["signature"] ?? "");
    } else if (type === "redacted_thinking") redacted = String(block["data"] ?? "");
    else if (type === "tool_use") calls.push(callOf(block, calls.length));
  }
  return {
    role: "assistant",
    content: text,
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(signature === "" ? {} : { reasoning_signature: signature }),
    ...(redacted === "" ? {} : { redacted_reasoning: redacted }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function callOf({ id, name, input }: JsonObject, index: number): JsonObject {
  const text = JSON.stringify(input ?? {});
  return { index, id, type: "function", function: { name, arguments: text } };
}
