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

/** A request of the Responses API in canonical form, with what its answer has to know of it. */
export interface ReadResponses {
  readonly request: GenerationRequest;
  readonly ignored: readonly string[];
  /** Members that the answer repeats. */
  readonly echo: JsonObject;
  /** Tools whose calls are told as custom ones. */
  readonly customTools: ReadonlySet<string>;
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
    const { canonical, ignored, customTools } = toCanonical(given);
    const request = readChatRequest(Buffer.from(JSON.stringify(canonical)));
    if (isProblem(request)) return inOwnWords(request);
    const { input, instructions, previous_response_id: previous, store } = given;
    const isBackground = backgroundOf(given);
    return {
      ...{ request, ignored, customTools, echo: echoOf(given) },
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
  readonly customTools: ReadonlySet<string>;
} {
  const reading = new Reading(responsesFields);
  const request = reading.object(given, "request", "");
  const customTools = new Set<string>();
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
    ...toolsOf(reading, request, customTools),
    ...formatOf(reading, request["text"]),
    ...reasoningOf(reading, request["reasoning"]),
    ...conversationOf(request["conversation"]),
  };
  return { canonical, ignored: reading.ignored, customTools };
}

function toolsOf(reading: Reading, request: JsonObject, customTools: Set<string>): JsonObject {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = request;
  const list = isSet(tools) ? listOf(tools, "tools") : [];
  const canonical = list.flatMap((tool, index) =>
    toolOf(reading, tool, { place: `tools[${index}]`, customTools }),
  );
  const wanted = choiceOf(choice, canonical);
  return {
    ...(wanted.tools.length === 0 ? {} : { tools: wanted.tools }),
    ...(wanted.tools.length === 0 || !isSet(parallel) ? {} : { parallel_tool_calls: parallel }),
    ...(wanted.choice === undefined ? {} : { tool_choice: wanted.choice }),
  };
}

/** Tools that run at OpenAI have no effect, and are told by their names: Codex always sends some. */
function toolOf(
  reading: Reading,
  tool: unknown,
  { place, customTools }: { readonly place: string; readonly customTools: Set<string> },
): JsonObject[] {
  if (!isObject(tool)) refuse(place, "must be an object");
  const type = textOf(tool["type"], `${place}.type`);
  if (type === "function") {
    const { name, parameters, ...rest } = reading.object(tool, "function", place);
    const definition = {
      name: textOf(name, `${place}.name`),
      ...pick(rest, ["description", "strict"]),
      ...(isSet(parameters) ? { parameters } : {}),
    };
    return [{ type: "function", function: definition }];
  }
  if (type !== "custom") {
    reading.ignore(`tools[].${type}`);
    return [];
  }
  const { name, description, format } = reading.object(tool, "custom", place);
  const known = textOf(name, `${place}.name`);
  customTools.add(known);
  return [{ type: "function", function: customFunction(known, description, format) }];
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
    const name = textOf(choice["name"], "tool_choice.name");
    return { tools, choice: { type: "function", function: { name } } };
  }
  const allowed = new Set(
    listOf(choice["tools"], "tool_choice.tools").map((tool) =>
      isObject(tool) ? tool["name"] : undefined,
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
