import { extensionCheck, readArticlesWish } from "./articles-wish.ts";
import type { BodyParameters } from "./body-parameters.ts";
import { missingOf, readParameters } from "./body-parameters.ts";
import {
  contradictory,
  type Feature,
  type GenerationRequest,
  invalid,
  isProblem,
  type RequestProblem,
} from "./generation-request.ts";
import { readMessages } from "./message-checks.ts";
import {
  booleanCheck,
  type Check,
  choiceCheck,
  integerCheck,
  numberCheck,
  objectCheck,
  patternCheck,
  stringCheck,
  stringsCheck,
  typedCheck,
} from "./parameter-checks.ts";
import { toolChoiceCheck, toolsCheck } from "./tool-checks.ts";

/** DeepSeek API, Create Chat Completion. */
export const maxTokensMax = 393_216;
const choicesMax = 16;
const tokensCheck = integerCheck({ min: 1, max: maxTokensMax });

/** Parameters that chat and text completions share. */
export const sharedChecks: readonly (readonly [string, Check])[] = [
  ["model", stringCheck],
  ["max_tokens", tokensCheck],
  ["stop", stringsCheck(16)],
  ["stream", booleanCheck],
  ["stream_options", objectCheck],
  ["temperature", numberCheck({ min: 0, max: 2 })],
  ["top_p", numberCheck({ min: 0, max: 1, isOpen: true })],
  ["frequency_penalty", numberCheck({ min: -2, max: 2 })],
  ["presence_penalty", numberCheck({ min: -2, max: 2 })],
  ["n", integerCheck({ min: 1, max: choicesMax })],
  ["user", stringCheck],
];

const chatChecks = new Map<string, Check>([
  ...sharedChecks,
  ["max_completion_tokens", tokensCheck],
  ["thinking", typedCheck("enabled", "disabled", "adaptive")],
  [
    "reasoning_effort",
    choiceCheck("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"),
  ],
  ["response_format", typedCheck("text", "json_object", "json_schema")],
  ["tools", toolsCheck],
  ["tool_choice", toolChoiceCheck],
  ["parallel_tool_calls", booleanCheck],
  ["logprobs", booleanCheck],
  ["top_logprobs", integerCheck({ min: 0, max: 20 })],
  ["user_id", patternCheck(/^[a-zA-Z0-9_-]{1,512}$/, "of letters, digits, - and _, at most 512")],
  ["x_tandem", extensionCheck],
  ["conversation_id", patternCheck(/^conv_[0-9a-z]{26}$/, "the id of a conversation")],
]);

export function readChatRequest(body: Buffer): GenerationRequest | RequestProblem {
  const parameters = readParameters(body, chatChecks);
  if (isProblem(parameters)) return parameters;
  const problem = missingOf(parameters, "model", "messages") ?? contradictionIn(parameters);
  if (problem !== undefined) return problem;
  const messages = readMessages(parameters.document, parameters.at("messages"));
  if (isProblem(messages)) return messages;
  const effort = parameters.text("reasoning_effort") ?? "";
  return {
    ...sharedFields(parameters),
    endpoint: "chat",
    maxTokens: parameters.number("max_tokens") ?? parameters.number("max_completion_tokens"),
    prompt: {
      textBytes: parameters.size("messages") + parameters.size("tools") - messages.imageBytes,
      images: messages.images,
    },
    features: featuresOf(parameters, messages),
    isThinking: thinkingOf(parameters, effort),
    isMaxEffort: effort === "max" || effort === "ultra",
    conversationId: parameters.text("conversation_id") ?? "",
    developerRoles: messages.developerRoles,
    isToolForced: isToolForced(parameters),
    hasExtension: parameters.has("x_tandem"),
    articles: readArticlesWish(parameters.document, parameters.at("x_tandem")),
  };
}

/** Fields that mean the same wherever text is generated. */
export function sharedFields(
  parameters: BodyParameters,
): Pick<GenerationRequest, "document" | "model" | "isStream" | "choices" | "isDeterministic"> {
  const choices = parameters.number("n") ?? 1;
  return {
    document: parameters.document,
    model: parameters.text("model") ?? "",
    isStream: parameters.isTrue("stream"),
    choices,
    isDeterministic: choices === 1 && parameters.number("temperature") === 0,
  };
}

/** Rules that hold between parameters; those of streams for every endpoint. */
export function streamContradiction(parameters: BodyParameters): RequestProblem | undefined {
  if (!parameters.has("stream_options") || parameters.isTrue("stream")) return undefined;
  return contradictory("stream_options", "`stream_options` can be set only with `stream: true`.");
}

function contradictionIn(parameters: BodyParameters): RequestProblem | undefined {
  if (parameters.has("top_logprobs") && !parameters.isTrue("logprobs")) {
    return contradictory("top_logprobs", "`top_logprobs` can be set only with `logprobs: true`.");
  }
  if (isToolForced(parameters) && !parameters.has("tools")) {
    return contradictory("tool_choice", "`tool_choice` can be set only with `tools`.");
  }
  if (parameters.text("model") === "") return invalid("model", "must not be empty");
  return streamContradiction(parameters);
}

function isToolForced(parameters: BodyParameters): boolean {
  if (!parameters.has("tool_choice")) return false;
  const { document } = parameters;
  const choice = document.raw(parameters.at("tool_choice"));
  return choice !== '"none"' && choice !== '"auto"';
}

function thinkingOf(parameters: BodyParameters, effort: string): boolean | undefined {
  const type = parameters.textWithin("thinking", "type");
  if (type !== "") return type !== "disabled";
  return effort === "none" ? false : undefined;
}

function featuresOf(
  parameters: BodyParameters,
  messages: { readonly images: number; readonly hasPrefix: boolean },
): readonly Feature[] {
  const features: Feature[] = ["chat"];
  if (parameters.has("tools")) features.push("tools");
  const format = parameters.textWithin("response_format", "type");
  if (format === "json_object" || format === "json_schema") features.push(format);
  if (messages.hasPrefix) features.push("prefix");
  if (parameters.isTrue("logprobs")) features.push("logprobs");
  if (messages.images > 0) features.push("vision");
  return features;
}
