import type { AnthropicExtension } from "../../dialects/anthropic/vocabulary.ts";
import { isObject, isSet, type JsonObject, pick } from "../../dialects/reading.ts";
import { writeTurns } from "./write-turns.ts";

/** What Anthropic demands and a canonical request may leave open. */
const maxTokensDefault = 8_192;
/** The least that Anthropic takes as a budget of thinking. */
const thinkingTokensMin = 1_024;

/** A canonical chat request as Anthropic's Messages API takes it. */
export function writeMessagesRequest(canonical: JsonObject): JsonObject {
  const given = canonical["x_tandem"];
  const extension = (isObject(given) ? given : {}) as AnthropicExtension;
  const list = canonical["messages"];
  const turns = writeTurns(Array.isArray(list) ? list : [], extension);
  const maxTokens = Number(canonical["max_tokens"] ?? canonical["max_completion_tokens"]);
  const limit = Number.isFinite(maxTokens) ? maxTokens : maxTokensDefault;
  const thinking = turns.lacksThinking ? undefined : thinkingOf(canonical, limit);
  const marked = isSet(extension.cache_control);
  const request: JsonObject = {
    model: canonical["model"],
    max_tokens: limit,
    messages: marked ? markLast(turns.messages) : turns.messages,
    ...systemOf(turns.system, marked),
    ...pick(canonical, ["stream", "top_k"]),
    ...samplingOf(canonical, thinking?.["type"] !== "disabled" && thinking !== undefined),
    ...stopOf(canonical["stop"]),
    ...toolsOf(canonical, marked),
    ...choiceOf(canonical, thinking),
    ...(thinking === undefined ? {} : { thinking }),
    ...outputOf(canonical),
    ...userOf(canonical),
  };
  return request;
}

const ephemeral = { type: "ephemeral" };

function systemOf(system: string, isMarked: boolean): JsonObject {
  if (system === "") return {};
  if (!isMarked) return { system };
  return { system: [{ type: "text", text: system, cache_control: ephemeral }] };
}

/** The longest prefix that can be found again ends with the last block. */
function markLast(messages: readonly JsonObject[]): readonly JsonObject[] {
  const last = messages.at(-1);
  const blocks = last?.["content"];
  if (last === undefined || !Array.isArray(blocks) || blocks.length === 0) return messages;
  const block: unknown = blocks.at(-1);
  if (!isObject(block) || String(block["type"]).includes("thinking")) return messages;
  const content = [...blocks.slice(0, -1), { ...block, cache_control: ephemeral }];
  return [...messages.slice(0, -1), { ...last, content }];
}

/** While it thinks, Anthropic takes no other temperature than its own. */
function samplingOf(canonical: JsonObject, thinks: boolean): JsonObject {
  const { temperature, top_p } = canonical;
  if (thinks) return typeof top_p === "number" && top_p >= 0.95 ? { top_p } : {};
  // Newer models take one of the two only.
  if (typeof temperature === "number") return { temperature: Math.min(1, temperature) };
  return typeof top_p === "number" ? { top_p } : {};
}

function stopOf(stop: unknown): JsonObject {
  const list = typeof stop === "string" ? [stop] : Array.isArray(stop) ? stop : [];
  return list.length === 0 ? {} : { stop_sequences: list };
}

function toolsOf({ tools }: JsonObject, isMarked: boolean): JsonObject {
  if (!Array.isArray(tools) || tools.length === 0) return {};
  const written = tools.map((tool) => toolOf(tool));
  const last = written.at(-1);
  if (isMarked && last !== undefined) {
    written[written.length - 1] = { ...last, cache_control: ephemeral };
  }
  return { tools: written };
}

function toolOf(tool: unknown): JsonObject {
  const definition = isObject(tool) && isObject(tool["function"]) ? tool["function"] : {};
  const { parameters } = definition;
  return {
    ...pick(definition, ["name", "description", "strict"]),
    input_schema: isObject(parameters) ? parameters : { type: "object", properties: {} },
  };
}

/** A forced tool and thinking exclude each other there; the tool was asked for by name. */
function choiceOf(canonical: JsonObject, thinking: JsonObject | undefined): JsonObject {
  const { tool_choice: choice, parallel_tool_calls: parallel, tools } = canonical;
  if (!Array.isArray(tools) || tools.length === 0) return {};
  const single = parallel === false ? { disable_parallel_tool_use: true } : {};
  const type = choiceType(choice);
  if (type === undefined)
    return parallel === false ? { tool_choice: { type: "auto", ...single } } : {};
  const thinks = thinking !== undefined && thinking["type"] !== "disabled";
  if (thinks && (type === "any" || type === "tool")) {
    return { tool_choice: { type: "auto", ...single } };
  }
  if (type === "none") return { tool_choice: { type } };
  const definition = isObject(choice) && isObject(choice["function"]) ? choice["function"] : {};
  const name = type === "tool" ? { name: definition["name"] } : {};
  return { tool_choice: { type, ...name, ...single } };
}

function choiceType(choice: unknown): "auto" | "any" | "tool" | "none" | undefined {
  if (isObject(choice)) return "tool";
  if (choice === "required") return "any";
  return choice === "auto" || choice === "none" ? choice : undefined;
}

/** Anthropic thinks only when it is told to, within a budget that must be below the answer's. */
function thinkingOf({ thinking: given }: JsonObject, limit: number): JsonObject | undefined {
  if (!isObject(given)) return undefined;
  const { type, budget_tokens: wanted } = given;
  if (type !== "enabled") return { type };
  if (limit <= thinkingTokensMin) return undefined;
  const budget = typeof wanted === "number" ? wanted : Math.floor(limit / 2);
  const most = Math.min(budget, limit - 1);
  return { type, budget_tokens: Math.max(thinkingTokensMin, most) };
}

function outputOf({ response_format: format, reasoning_effort: effort }: JsonObject): JsonObject {
  const config: Record<string, unknown> = {};
  if (typeof effort === "string" && effort !== "none") config["effort"] = effortOf(effort);
  if (isObject(format) && isObject(format["json_schema"])) {
    config["format"] = { type: "json_schema", schema: format["json_schema"]["schema"] };
  }
  return Object.keys(config).length === 0 ? {} : { output_config: config };
}

function effortOf(effort: string): string {
  if (effort === "minimal") return "low";
  return effort === "ultra" ? "max" : effort;
}

function userOf({ user_id: id, user }: JsonObject): JsonObject {
  const given = id ?? user;
  return typeof given === "string" ? { metadata: { user_id: given } } : {};
}

/** What Anthropic has no word for; undefined when everything can be said. */
export function unsayable(canonical: JsonObject): string | undefined {
  const { n, logprobs, response_format: format, modalities, audio } = canonical;
  if (typeof n === "number" && n > 1) return "several answers (`n`)";
  if (logprobs === true) return "log probabilities";
  if (isObject(format) && format["type"] === "json_object") {
    return "JSON mode without a schema (`response_format`)";
  }
  if (isSet(audio) || (Array.isArray(modalities) && modalities.includes("audio"))) return "audio";
  return undefined;
}
