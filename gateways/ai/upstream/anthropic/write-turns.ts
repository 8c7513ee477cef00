import { type AnthropicExtension, unsignedThought } from "../../dialects/anthropic/vocabulary.ts";
import { isObject, isSet, type JsonObject } from "../../dialects/reading.ts";

export interface WrittenTurns {
  readonly system: string;
  readonly messages: readonly JsonObject[];
  /** The turn under way called tools, and its thinking is not there to be given back. */
  readonly lacksThinking: boolean;
}

/** Canonical messages as Anthropic's turns, which take turns: blocks of one side are joined. */
export function writeTurns(
  messages: readonly unknown[],
  extension: AnthropicExtension,
): WrittenTurns {
  const system: string[] = [];
  const turns: { role: string; content: JsonObject[] }[] = [];
  let lacksThinking = false;
  for (const [index, message] of messages.entries()) {
    if (!isObject(message)) continue;
    const role = String(message["role"]);
    if (role === "system" || role === "developer" || role === "latest_reminder") {
      system.push(...textsIn(message["content"]));
      continue;
    }
    const side = role === "assistant" ? "assistant" : "user";
    const blocks =
      role === "assistant"
        ? assistantBlocks(message, extension.thinking?.[String(index)] ?? [])
        : role === "tool"
          ? [toolResult(message, extension)]
          : userBlocks(message["content"]);
    if (role === "user") lacksThinking = false;
    if (role === "assistant" && isSet(message["tool_calls"])) {
      lacksThinking ||= !String(blocks[0]?.["type"]).includes("thinking");
    }
    const last = turns.at(-1);
    if (last?.role === side) last.content.push(...blocks);
    else turns.push({ role: side, content: [...blocks] });
  }
  const spoken = turns.filter(({ content }) => content.length > 0);
  return { system: system.join("\n\n"), messages: spoken, lacksThinking };
}

function textsIn(content: unknown): string[] {
  if (typeof content === "string") return content === "" ? [] : [content];
  return (Array.isArray(content) ? content : []).flatMap((part) =>
    isObject(part) && typeof part["text"] === "string" ? [part["text"]] : [],
  );
}

/** Anthropic refuses blocks without text. */
function textBlocks(text: unknown): JsonObject[] {
  return typeof text === "string" && text !== "" ? [{ type: "text", text }] : [];
}

function userBlocks(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return textBlocks(content);
  return content.flatMap((part) => (isObject(part) ? partBlocks(part) : []));
}

function partBlocks(part: JsonObject): JsonObject[] {
  const { type, image_url: image, file } = part;
  if (type === "text") return textBlocks(part["text"]);
  if (type === "image_url" && isObject(image)) {
    return [{ type: "image", source: sourceOf(String(image["url"])) }];
  }
  if (type === "file" && isObject(file) && typeof file["file_data"] === "string") {
    const title = file["filename"];
    return [
      {
        type: "document",
        source: sourceOf(file["file_data"]),
        ...(typeof title === "string" ? { title } : {}),
      },
    ];
  }
  return [];
}

const dataUrl = /^data:([\w.+-]+\/[\w.+-]+);base64,/;

function sourceOf(url: string): JsonObject {
  const mediaType = dataUrl.exec(url)?.[1];
  if (mediaType === undefined) return { type: "url", url };
  return { type: "base64", media_type: mediaType, data: url.slice(url.indexOf(",") + 1) };
}

function assistantBlocks(message: JsonObject, thoughts: readonly unknown[]): JsonObject[] {
  const calls = message["tool_calls"];
  return [
    ...thinkingBlocks(message, thoughts),
    ...textsIn(message["content"]).flatMap(textBlocks),
    ...(Array.isArray(calls) ? calls : []).flatMap((call) => (isObject(call) ? toolUse(call) : [])),
  ];
}

/** Only what Anthropic has signed; it refuses anything else. */
function thinkingBlocks(message: JsonObject, thoughts: readonly unknown[]): JsonObject[] {
  const { reasoning_content: thinking, reasoning_signature: signature } = message;
  const isSigned = typeof signature === "string" && signature !== unsignedThought;
  if (thoughts.length === 0 && isSigned && typeof thinking === "string") {
    return [{ type: "thinking", thinking, signature }];
  }
  return thoughts.filter(isObject).filter(({ type, signature: sign }) => {
    if (type === "redacted_thinking") return true;
    return typeof sign === "string" && sign !== "" && sign !== unsignedThought;
  });
}

function toolUse(call: JsonObject): JsonObject[] {
  const { id, function: definition } = call;
  if (!isObject(definition)) return [];
  return [{ type: "tool_use", id, name: definition["name"], input: inputOf(definition) }];
}

function inputOf({ arguments: text }: JsonObject): unknown {
  try {
    const value: unknown = JSON.parse(String(text));
    return isObject(value) ? value : { arguments: value };
  } catch {
    return text === "" || text === undefined ? {} : { arguments: text };
  }
}

function toolResult(message: JsonObject, { tool_errors: errors }: AnthropicExtension): JsonObject {
  const { tool_call_id: id, content } = message;
  return {
    type: "tool_result",
    tool_use_id: id,
    content: typeof content === "string" ? content : userBlocks(content),
    ...(errors?.includes(String(id)) ? { is_error: true } : {}),
  };
}
