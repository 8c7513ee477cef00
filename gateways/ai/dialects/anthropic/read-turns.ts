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
import {
  blockType,
  readPart,
  readResult,
  readSystem,
  refuseBlock,
  simplest,
} from "./read-content.ts";

/** The conversation in canonical form, and what of it only Anthropic's own models can use. */
export interface ReadTurns {
  readonly messages: readonly JsonObject[];
  /** By number of the canonical message. */
  readonly thinking: Readonly<Record<string, readonly unknown[]>>;
  readonly toolErrors: readonly string[];
}

interface Turns {
  readonly reading: Reading;
  readonly messages: JsonObject[];
  readonly thinking: Record<string, readonly unknown[]>;
  readonly toolErrors: string[];
}

export function readTurns(
  reading: Reading,
  { system, messages: given }: { readonly system: unknown; readonly messages: unknown },
): ReadTurns {
  const turns: Turns = { reading, messages: [], thinking: {}, toolErrors: [] };
  if (isSet(system)) {
    const content = readSystem(reading, system, "system");
    if (content !== "") turns.messages.push({ role: "system", content });
  }
  const list = listOf(given, "messages");
  if (list.length === 0) refuse("messages", "must hold at least one message");
  for (const [index, message] of list.entries()) readTurn(turns, message, `messages[${index}]`);
  openPrefix(turns.messages);
  return turns;
}

function readTurn(turns: Turns, message: unknown, place: string): void {
  const { reading, messages } = turns;
  const { role: given, content } = reading.object(message, "message", place);
  const role = oneOf(given, `${place}.role`, ["user", "assistant", "system"]);
  const at = `${place}.content`;
  if (role === "system") messages.push({ role, content: readSystem(reading, content, at) });
  else if (typeof content === "string") messages.push({ role, content });
  else if (role === "user") readUserBlocks(turns, listOf(content, at), at);
  else readAssistantBlocks(turns, listOf(content, at), at);
}

/** Results of tools are messages of their own in the canonical form; the order stays. */
function readUserBlocks(turns: Turns, blocks: readonly unknown[], place: string): void {
  const { reading, messages } = turns;
  let parts: JsonObject[] = [];
  const flush = (): void => {
    if (parts.length > 0) messages.push({ role: "user", content: simplest(parts) });
    parts = [];
  };
  for (const [index, block] of blocks.entries()) {
    const at = `${place}[${index}]`;
    if (blockType(block, at) !== "tool_result") {
      parts.push(readPart(reading, block, at));
      continue;
    }
    flush();
    const { tool_use_id, content, is_error } = reading.object(block, "tool_result", at);
    const id = textOf(tool_use_id, `${at}.tool_use_id`);
    const result = readResult(reading, content, `${at}.content`);
    messages.push({ role: "tool", tool_call_id: id, content: result });
    if (is_error === true) turns.toolErrors.push(id);
  }
  if (blocks.length === 0) refuse(place, "must not be empty");
  flush();
}

function readAssistantBlocks(turns: Turns, blocks: readonly unknown[], place: string): void {
  const { reading, messages, thinking } = turns;
  const thoughts: unknown[] = [];
  let reasoning = "";
  let text = "";
  const calls: JsonObject[] = [];
  for (const [index, block] of blocks.entries()) {
    const at = `${place}[${index}]`;
    const type = blockType(block, at);
    if (type === "text") {
      text += textOf(reading.object(block, "text", at)["text"], `${at}.text`);
    } else if (type === "thinking") {
      const thought = reading.object(block, "thinking_block", at);
      reasoning += textOf(thought["thinking"], `${at}.thinking`);
      thoughts.push(block);
    } else if (type === "redacted_thinking") {
      reading.object(block, "redacted_thinking", at);
      thoughts.push(block);
    } else if (type === "tool_use") calls.push(readCall(reading, block, at));
    else refuseBlock(type, at);
  }
  if (thoughts.length > 0) thinking[String(messages.length)] = thoughts;
  messages.push({
    role: "assistant",
    content: text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  });
}

function readCall(reading: Reading, block: unknown, place: string): JsonObject {
  const { id, name, input } = reading.object(block, "tool_use", place);
  if (!isObject(input)) refuse(`${place}.input`, "must be an object");
  return {
    id: textOf(id, `${place}.id`),
    type: "function",
    function: { name: textOf(name, `${place}.name`), arguments: JSON.stringify(input) },
  };
}

/** An answer at the end is one to be continued. */
function openPrefix(messages: JsonObject[]): void {
  const last = messages.at(-1);
  if (last?.["role"] !== "assistant") return;
  if (isSet(last["tool_calls"])) {
    refuseAsNonsense("messages", "The last message calls tools whose results are missing.");
  }
  messages[messages.length - 1] = { ...last, prefix: true };
}
