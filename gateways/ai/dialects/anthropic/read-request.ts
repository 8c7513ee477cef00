import { readChatRequest } from "../../core/request/chat-request.ts";
import {
  type GenerationRequest,
  isProblem,
  type RequestProblem,
} from "../../core/request/generation-request.ts";
import {
  isObject,
  isSet,
  type JsonObject,
  listOf,
  oneOf,
  parseBody,
  pick,
  Reading,
  Refusal,
  refuse,
  refuseAsNonsense,
  textOf,
} from "../reading.ts";
import { anthropicFields } from "./fields.ts";
import { readTurns } from "./read-turns.ts";
import { type AnthropicExtension, efforts } from "./vocabulary.ts";

/** A request of Anthropic's Messages API in canonical form. */
export interface ReadMessages {
  readonly request: GenerationRequest;
  readonly stopSequences: readonly string[];
  readonly ignored: readonly string[];
}

export function readMessagesRequest(
  body: Buffer,
  { isCount = false }: { readonly isCount?: boolean } = {},
): ReadMessages | RequestProblem {
  try {
    const given = parseBody(body);
    const { canonical, ignored } = toCanonical(given, { isCount });
    const request = readChatRequest(Buffer.from(JSON.stringify(canonical)));
    if (isProblem(request)) return inOwnWords(request);
    const stops = canonical["stop"];
    return { request, ignored, stopSequences: Array.isArray(stops) ? stops.map(String) : [] };
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
}

/** The canonical body that means the same. Throws a `Refusal`. */
export function toCanonical(
  given: JsonObject,
  { isCount = false }: { readonly isCount?: boolean } = {},
): { readonly canonical: JsonObject; readonly ignored: readonly string[] } {
  const reading = new Reading(anthropicFields);
  const request = reading.object(given, "request", "");
  if (!isCount && !isSet(request["max_tokens"])) refuse("max_tokens", "is required");
  const turns = readTurns(reading, {
    system: request["system"],
    messages: request["messages"],
  });
  const extension: AnthropicExtension = {
    ...(marksCache(given) ? { cache_control: { type: "ephemeral" } } : {}),
    ...(Object.keys(turns.thinking).length === 0 ? {} : { thinking: turns.thinking }),
    ...(turns.toolErrors.length === 0 ? {} : { tool_errors: turns.toolErrors }),
  };
  const canonical = {
    model: modelOf(request["model"]),
    messages: turns.messages,
    ...pick(request, ["max_tokens", "stream", "temperature", "top_p", "top_k"]),
    ...(isSet(request["stop_sequences"]) ? { stop: stopsOf(request["stop_sequences"]) } : {}),
    ...toolsOf(reading, request),
    ...thinkingOf(reading, request["thinking"]),
    ...outputOf(reading, request),
    ...userOf(reading, request["metadata"]),
    ...(Object.keys(extension).length === 0 ? {} : { x_tandem: extension }),
  };
  return { canonical, ignored: reading.ignored };
}

/** Claude Code writes the size of the context behind a model's name. */
function modelOf(value: unknown): string {
  return textOf(value, "model").replace(/\[\w+\]$/, "");
}

function stopsOf(value: unknown): readonly string[] {
  return listOf(value, "stop_sequences").map((stop, index) =>
    textOf(stop, `stop_sequences[${index}]`),
  );
}

function toolsOf(reading: Reading, request: JsonObject): JsonObject {
  const { tools, tool_choice: choice } = request;
  const list = isSet(tools) ? listOf(tools, "tools") : [];
  const canonical = list.map((tool, index) => toolOf(reading, tool, `tools[${index}]`));
  return {
    ...(canonical.length === 0 ? {} : { tools: canonical }),
    ...(isSet(choice) ? choiceOf(reading, choice, canonical.length > 0) : {}),
  };
}

function toolOf(reading: Reading, tool: unknown, place: string): JsonObject {
  if (isObject(tool) && isSet(tool["type"]) && tool["type"] !== "custom") {
    const type = textOf(tool["type"], `${place}.type`).slice(0, 60);
    const message = `${place}: the tool \`${type}\` is Anthropic's own. Only custom tools work here.`;
    refuseAsNonsense("tools", message);
  }
  const { name, description, input_schema, strict } = reading.object(tool, "tool", place);
  if (!isObject(input_schema)) refuse(`${place}.input_schema`, "must be an object");
  return {
    type: "function",
    function: {
      name: textOf(name, `${place}.name`),
      ...(isSet(description) ? { description: textOf(description, `${place}.description`) } : {}),
      parameters: input_schema,
      ...(isSet(strict) ? { strict } : {}),
    },
  };
}

/** A choice among no tools means nothing to Anthropic, and is refused by the canonical form. */
function choiceOf(reading: Reading, given: unknown, hasTools: boolean): JsonObject {
  const choice = reading.object(given, "tool_choice", "tool_choice");
  const type = oneOf(choice["type"], "tool_choice.type", ["auto", "any", "tool", "none"]);
  const isSingle = choice["disable_parallel_tool_use"] === true;
  const parallel = isSingle ? { parallel_tool_calls: false } : {};
  if (type === "tool") {
    const name = textOf(choice["name"], "tool_choice.name");
    return { tool_choice: { type: "function", function: { name } }, ...parallel };
  }
  if (!hasTools && type !== "any") return {};
  return { tool_choice: type === "any" ? "required" : type, ...parallel };
}

function thinkingOf(reading: Reading, given: unknown): JsonObject {
  if (!isSet(given)) return {};
  const thinking = reading.object(given, "thinking", "thinking");
  return { thinking: pick(thinking, ["type", "budget_tokens"]) };
}

/** Effort and form of the answer. */
function outputOf(reading: Reading, request: JsonObject): JsonObject {
  const given = request["output_config"];
  const config = isSet(given) ? reading.object(given, "output_config", "output_config") : {};
  const { effort } = config;
  const format = config["format"] ?? request["output_format"];
  const place = isSet(config["format"]) ? "output_config.format" : "output_format";
  return {
    ...(isSet(effort) ? { reasoning_effort: oneOf(effort, "output_config.effort", efforts) } : {}),
    ...(isSet(format) ? { response_format: formatOf(reading, format, place) } : {}),
  };
}

function formatOf(reading: Reading, given: unknown, place: string): JsonObject {
  const format = reading.object(given, "output_format", place);
  oneOf(format["type"], `${place}.type`, ["json_schema"]);
  const { schema } = format;
  if (!isObject(schema)) refuse(`${place}.schema`, "must be an object");
  return { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
}

const idForm = /^[a-zA-Z0-9_-]{1,512}$/;

function userOf(reading: Reading, given: unknown): JsonObject {
  if (!isSet(given)) return {};
  const { user_id } = reading.object(given, "metadata", "metadata");
  if (!isSet(user_id)) return {};
  const id = textOf(user_id, "metadata.user_id");
  return idForm.test(id) ? { user_id: id } : { user: id };
}

/** `cache_control` may stand in the request, its system, its tools and every block. */
function marksCache(given: JsonObject): boolean {
  const isMarked = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(isMarked);
    if (!isObject(value)) return false;
    return isSet(value["cache_control"]) || isMarked(value["content"]);
  };
  const { system, tools, messages } = given;
  return isSet(given["cache_control"]) || [system, tools, messages].some(isMarked);
}

const ownNames: readonly (readonly [canonical: string, own: string])[] = [
  ["stop", "stop_sequences"],
  ["reasoning_effort", "output_config.effort"],
  ["response_format", "output_config.format"],
];

/** A problem that the canonical form found, with the client's own name for the parameter. */
function inOwnWords(problem: RequestProblem): RequestProblem {
  const name = ownNames.find(([canonical]) => canonical === problem.parameter)?.[1];
  if (name === undefined) return problem;
  const message = problem.message.replaceAll(`\`${problem.parameter}\``, `\`${name}\``);
  return { ...problem, parameter: name, message };
}
