import {
  isObject,
  isSet,
  type JsonObject,
  listOf,
  oneOf,
  type Reading,
  refuse,
  refuseAsNonsense,
  textOf,
} from "../reading.ts";
import { canonicalName } from "./tool-names.ts";

/** The input's items as canonical messages. Throws a `Refusal`. */
export function readItems(reading: Reading, input: unknown): JsonObject[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const messages = new Messages();
  const items = listOf(input, "input");
  for (const [index, item] of items.entries()) readItem(reading, item, { messages, index });
  return messages.list;
}

/** Reasoning, words and calls of one turn of the model are items there, and one message here. */
class Messages {
  readonly list: JsonObject[] = [];
  #reasoning = "";

  think(text: string): void {
    this.#reasoning += text;
  }

  push(message: JsonObject): void {
    const isOurs = message["role"] === "assistant";
    const reasoning = isOurs && this.#reasoning !== "" ? this.#reasoning : undefined;
    this.#reasoning = "";
    this.list.push({ ...message, ...(reasoning ? { reasoning_content: reasoning } : {}) });
  }

  call(call: JsonObject): void {
    const last = this.list.at(-1);
    if (last?.["role"] !== "assistant" || this.#reasoning !== "") {
      this.push({ role: "assistant", content: "", tool_calls: [call] });
      return;
    }
    const calls = Array.isArray(last["tool_calls"]) ? last["tool_calls"] : [];
    this.list[this.list.length - 1] = { ...last, tool_calls: [...calls, call] };
  }
}

interface Where {
  readonly messages: Messages;
  readonly index: number;
}

function readItem(reading: Reading, item: unknown, { messages, index }: Where): void {
  const place = `input[${index}]`;
  if (!isObject(item)) refuse(place, "must be an object");
  const type = isSet(item["type"]) ? textOf(item["type"], `${place}.type`) : "message";
  switch (type) {
    case "message":
      messages.push(readMessage(reading, item, place));
      return;
    case "reasoning":
      messages.think(readReasoning(reading, item, place));
      return;
    case "function_call": {
      const call = reading.object(item, "function_call", place);
      messages.call(callOf(call, { place, text: textOf(call["arguments"], `${place}.arguments`) }));
      return;
    }
    case "custom_tool_call": {
      const call = reading.object(item, "custom_tool_call", place);
      const given = { input: textOf(call["input"], `${place}.input`) };
      messages.call(callOf(call, { place, text: JSON.stringify(given) }));
      return;
    }
    case "function_call_output":
    case "custom_tool_call_output":
      messages.push(readOutput(reading, item, place));
      return;
    default: {
      const shown = type.slice(0, 40);
      refuseAsNonsense("input", `${place}: items of the type \`${shown}\` are not supported.`);
    }
  }
}

function callOf(
  call: JsonObject,
  { place, text }: { readonly place: string; readonly text: string },
): JsonObject {
  return {
    id: textOf(call["call_id"], `${place}.call_id`),
    type: "function",
    function: { name: canonicalName(call, place), arguments: text },
  };
}

function readMessage(reading: Reading, item: JsonObject, place: string): JsonObject {
  const { role: given, content } = reading.object(item, "message", place);
  const role = oneOf(given, `${place}.role`, ["user", "assistant", "system", "developer"]);
  return { role, content: readContent(reading, content, `${place}.content`) };
}

function readContent(reading: Reading, content: unknown, place: string): unknown {
  if (typeof content === "string") return content;
  const parts = listOf(content, place).map((part, index) =>
    readPart(reading, part, `${place}[${index}]`),
  );
  const isText = parts.every(({ type }) => type === "text");
  return isText ? parts.map(({ text }) => text).join("\n") : parts;
}

function readPart(reading: Reading, part: unknown, place: string): JsonObject {
  const type = isObject(part) ? part["type"] : undefined;
  if (type === "input_text" || type === "output_text" || type === "text") {
    const { text } = reading.object(part, "text_part", place);
    return { type: "text", text: textOf(text, `${place}.text`) };
  }
  if (type === "refusal") {
    const { refusal } = reading.object(part, "refusal_part", place);
    return { type: "text", text: textOf(refusal, `${place}.refusal`) };
  }
  if (type === "input_image") {
    const { image_url, detail } = reading.object(part, "image_part", place);
    const url = textOf(image_url, `${place}.image_url`);
    return { type: "image_url", image_url: { url, ...(isSet(detail) ? { detail } : {}) } };
  }
  if (type === "input_file") {
    const { file_data, filename } = reading.object(part, "file_part", place);
    const data = textOf(file_data, `${place}.file_data`);
    const name = isSet(filename) ? { filename: textOf(filename, `${place}.filename`) } : {};
    return { type: "file", file: { file_data: data, ...name } };
  }
  const shown = String(type).slice(0, 40);
  return refuseAsNonsense("input", `${place}: parts of the type \`${shown}\` are not supported.`);
}

function readReasoning(reading: Reading, item: JsonObject, place: string): string {
  const { content, summary } = reading.object(item, "reasoning_item", place);
  const textsOf = (list: unknown): string =>
    (Array.isArray(list) ? list : [])
      .map((part) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
      .join("");
  const text = textsOf(content);
  return text === "" ? textsOf(summary) : text;
}

function readOutput(reading: Reading, item: JsonObject, place: string): JsonObject {
  const { call_id, output } = reading.object(item, "output", place);
  return {
    role: "tool",
    tool_call_id: textOf(call_id, `${place}.call_id`),
    content: readContent(reading, output, `${place}.output`),
  };
}
