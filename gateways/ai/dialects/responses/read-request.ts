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
import { responsesFields } from "./fields.ts";
import { readItems } from "./read-items.ts";
import { canonicalName, nameInGroup, noToolNames, type ToolNames } from "./tool-names.ts";

/** A request of the Responses API in canonical form, with what its answer has to know of it. */
export interface ReadResponses {
  readonly request: GenerationRequest;
  readonly ignored: readonly string[];
  /** Members that the answer repeats. */
  readonly echo: JsonObject;
  readonly toolNames: ToolNames;
  /** Empty where nothing was said before. */
  readonly previousId: string;
  readonly isStored: boolean;
  /** It is to be made whether or not somebody is connected. */
  readonly isBackground: boolean;
  /** The input as items, for who asks for them later. */
  readonly items: readonly unknown[];
  /** Canonical messages before the input's own: 1 where there are instructions. */
  readonly instructions: number;
}

export function readResponsesRequest(body: Buffer): ReadResponses | RequestProblem {
  try {
    const given = parseBody(body);
    const { canonical, ignored, toolNames } = toCanonical(given);
    const request = readChatRequest(Buffer.from(JSON.stringify(canonical)));
    if (isProblem(request)) return inOwnWords(request);
    const { input, instructions, previous_response_id: previous, store } = given;
    const isBackground = backgroundOf(given);
    return {
      ...{ request, ignored, toolNames, echo: echoOf(given) },
      previousId: isSet(previous) ? textOf(previous, "previous_response_id") : "",
      isStored: store !== false,
      isBackground,
      items: itemsOf(input),
      instructions: isSet(instructions) && instructions !== "" ? 1 : 0,
    };
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
}

function backgroundOf({ background, store }: JsonObject): boolean {
  if (!isSet(background)) return false;
  if (typeof background !== "boolean") refuse("background", "must be true or false");
  if (background && store === false) {
    const message = "`background` requires `store` to be true: there would be nothing to poll.";
    refuseAsNonsense("background", message);
  }
  return background;
}

/** The canonical body that means the same. Throws a `Refusal`. */
export function toCanonical(given: JsonObject): {
  readonly canonical: JsonObject;
  readonly ignored: readonly string[];
  readonly toolNames: ToolNames;
} {
  const reading = new Reading(responsesFields);
  const request = reading.object(given, "request", "");
  const toolNames = noToolNames();
  const { instructions, max_output_tokens: maxTokens } = request;
  const system = isSet(instructions) ? textOf(instructions, "instructions") : "";
  const canonical = {
    model: textOf(request["model"], "model"),
    messages: [
      ...(system === "" ? [] : [{ role: "system", content: system }]),
      ...readItems(reading, request["input"]),
    ],
    ...pick(request, ["stream", "temperature", "top_p", "user"]),
    ...(isSet(maxTokens) ? { max_tokens: maxTokens } : {}),
    ...toolsOf(reading, request, toolNames),
    ...formatOf(reading, request["text"]),
    ...reasoningOf(reading, request["reasoning"]),
    ...conversationOf(request["conversation"]),
  };
  return { canonical, ignored: reading.ignored, toolNames };
}

function toolsOf(reading: Reading, request: JsonObject, toolNames: ToolNames): JsonObject {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = request;
  const list = isSet(tools) ? listOf(tools, "tools") : [];
  const canonical = list.flatMap((tool, index) =>
    toolOf(reading, tool, { place: `tools[${index}]`, toolNames }),
  );
  const wanted = choiceOf(choice, canonical);
  return {
    ...(wanted.tools.length === 0 ? {} : { tools: wanted.tools }),
    ...(wanted.tools.length === 0 || !isSet(parallel) ? {} : { parallel_tool_calls: parallel }),
    ...(wanted.choice === undefined ? {} : { tool_choice: wanted.choice }),
  };
}

interface ToolPlace {
  readonly place: string;
  readonly toolNames: ToolNames;
  /** The namespace around it. */
  readonly group?: { readonly namespace: string; readonly description: unknown };
}

/** Tools that run at OpenAI have no effect, and are told by their names: Codex always sends some. */
function toolOf(reading: Reading, tool: unknown, where: ToolPlace): JsonObject[] {
  const { place, toolNames, group } = where;
  if (!isObject(tool)) refuse(place, "must be an object");
  const type = textOf(tool["type"], `${place}.type`);
  if (type === "namespace" && group === undefined) return groupOf(reading, tool, where);
  if (type !== "function" && type !== "custom") {
    reading.ignore(`tools[].${type}`);
    return [];
  }
  const read = reading.object(tool, type, place);
  const own = textOf(read["name"], `${place}.name`);
  const name = group === undefined ? own : nameInGroup({ ...group, name: own });
  if (group !== undefined) toolNames.grouped.set(name, { namespace: group.namespace, name: own });
  const description = wordsOf(group?.description, read["description"]);
  if (type === "custom") {
    toolNames.custom.add(name);
    return [{ type: "function", function: customFunction(name, description, read["format"]) }];
  }
  const definition = {
    name,
    ...(isSet(description) ? { description } : {}),
    ...pick(read, ["strict", "parameters"]),
  };
  return [{ type: "function", function: definition }];
}

/** A namespace holds ordinary tools of the client's: how Codex gives those of its MCP servers. */
function groupOf(reading: Reading, tool: JsonObject, { place, toolNames }: ToolPlace) {
  const { name, description, tools } = reading.object(tool, "namespace", place);
  const group = { namespace: textOf(name, `${place}.name`), description };
  return listOf(tools, `${place}.tools`).flatMap((each, index) =>
    toolOf(reading, each, { place: `${place}.tools[${index}]`, toolNames, group }),
  );
}

/** What a namespace says of all its tools stands before what each one says. */
function wordsOf(general: unknown, own: unknown): unknown {
  if (typeof general !== "string" || general === "") return own;
  return typeof own === "string" && own !== "" ? `${general}\n\n${own}` : general;
}

function customFunction(name: string, description: unknown, format: unknown): JsonObject {
  const grammar =
    isObject(format) && typeof format["definition"] === "string"
      ? `The input has to match this grammar:\n${format["definition"]}`
      : "";
  const words = [typeof description === "string" ? description : "", grammar];
  return {
    name,
    description: words.filter((text) => text !== "").join("\n\n"),
    parameters: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
  };
}

function choiceOf(
  choice: unknown,
  tools: readonly JsonObject[],
): { readonly tools: readonly JsonObject[]; readonly choice?: unknown } {
  if (!isSet(choice)) return { tools };
  if (!isObject(choice)) {
    const word = oneOf(choice, "tool_choice", ["none", "auto", "required"]);
    return tools.length === 0 && word !== "required" ? { tools } : { tools, choice: word };
  }
  const type = oneOf(choice["type"], "tool_choice.type", ["function", "custom", "allowed_tools"]);
  if (type !== "allowed_tools") {
    const name = canonicalName(choice, "tool_choice");
    return { tools, choice: { type: "function", function: { name } } };
  }
  const allowed = new Set<unknown>(
    listOf(choice["tools"], "tool_choice.tools").map((tool, index) =>
      isObject(tool) && isSet(tool["name"])
        ? canonicalName(tool, `tool_choice.tools[${index}]`)
        : undefined,
    ),
  );
  const mode = oneOf(choice["mode"] ?? "auto", "tool_choice.mode", ["auto", "required"]);
  const kept = tools.filter(
    ({ function: definition }) => isObject(definition) && allowed.has(definition["name"]),
  );
  return { tools: kept, choice: mode };
}

function formatOf(reading: Reading, given: unknown): JsonObject {
  if (!isSet(given)) return {};
  const { format } = reading.object(given, "text", "text");
  if (!isSet(format)) return {};
  const { type, ...schema } = reading.object(format, "format", "text.format");
  const kind = oneOf(type, "text.format.type", ["text", "json_object", "json_schema"]);
  if (kind !== "json_schema") return { response_format: { type: kind } };
  return { response_format: { type: kind, json_schema: schema } };
}

function reasoningOf(reading: Reading, given: unknown): JsonObject {
  if (!isSet(given)) return {};
  const { effort } = reading.object(given, "reasoning", "reasoning");
  return isSet(effort) ? { reasoning_effort: effort } : {};
}

function conversationOf(given: unknown): JsonObject {
  if (!isSet(given)) return {};
  const id = isObject(given) ? given["id"] : given;
  return { conversation_id: textOf(id, "conversation") };
}

function itemsOf(input: unknown): readonly unknown[] {
  if (Array.isArray(input)) return input;
  const content = [{ type: "input_text", text: input }];
  return [{ type: "message", role: "user", content }];
}

/** What the answer repeats of its request, with the values that hold where it left them open. */
function echoOf(given: JsonObject): JsonObject {
  return {
    instructions: given["instructions"] ?? null,
    max_output_tokens: given["max_output_tokens"] ?? null,
    metadata: given["metadata"] ?? {},
    parallel_tool_calls: given["parallel_tool_calls"] ?? true,
    previous_response_id: given["previous_response_id"] ?? null,
    reasoning: given["reasoning"] ?? { effort: null, summary: null },
    store: given["store"] !== false,
    temperature: given["temperature"] ?? null,
    text: given["text"] ?? { format: { type: "text" } },
    tool_choice: given["tool_choice"] ?? "auto",
    tools: given["tools"] ?? [],
    top_p: given["top_p"] ?? null,
    truncation: "disabled",
    user: given["user"] ?? null,
  };
}

const ownNames: readonly (readonly [canonical: string, own: string])[] = [
  ["max_tokens", "max_output_tokens"],
  ["reasoning_effort", "reasoning.effort"],
  ["response_format", "text.format"],
  ["conversation_id", "conversation"],
  ["messages", "input"],
];

/** A problem that the canonical form found, with the client's own name for the parameter. */
function inOwnWords(problem: RequestProblem): RequestProblem {
  const name = ownNames.find(([canonical]) => canonical === problem.parameter)?.[1];
  if (name === undefined) return problem;
  const message = problem.message.replaceAll(`\`${problem.parameter}\``, `\`${name}\``);
  return { ...problem, parameter: name, message };
}
