import { isObject, type JsonObject } from "../reading.ts";
import {
  callItem,
  type Envelope,
  incompleteReason,
  itemId,
  messageItem,
  reasoningItem,
  responseObject,
  responseUsage,
} from "./response-object.ts";

/** A whole canonical answer as a response. */
export function writeResponse(answer: JsonObject, envelope: Envelope): JsonObject {
  const choices = answer["choices"];
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const choice = isObject(first) ? first : {};
  const message = isObject(choice["message"]) ? choice["message"] : {};
  const incomplete = incompleteReason(String(choice["finish_reason"] ?? ""));
  return responseObject(envelope, {
    createdAt: answer["created"],
    model: answer["model"],
    status: incomplete === undefined ? "completed" : "incomplete",
    output: outputOf(message, envelope),
    usage: responseUsage(answer["usage"]),
    incomplete,
  });
}

function outputOf(message: JsonObject, envelope: Envelope): JsonObject[] {
  const output: JsonObject[] = [];
  const { reasoning_content: reasoning, content, refusal } = message;
  if (isText(reasoning)) {
    output.push(reasoningItem(itemId(envelope, "rs", output.length), reasoning));
  }
  const text = `${isText(content) ? content : ""}${isText(refusal) ? refusal : ""}`;
  if (text !== "") output.push(messageItem(itemId(envelope, "msg", output.length), text));
  const calls = message["tool_calls"];
  for (const call of Array.isArray(calls) ? calls : []) {
    if (!isObject(call)) continue;
    const definition = isObject(call["function"]) ? call["function"] : {};
    output.push(
      callItem(envelope, {
        id: itemId(envelope, "fc", output.length),
        callId: isText(call["id"]) ? call["id"] : itemId(envelope, "call", output.length),
        name: String(definition["name"] ?? ""),
        arguments: String(definition["arguments"] ?? ""),
      }),
    );
  }
  return output;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
