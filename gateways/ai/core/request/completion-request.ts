import { jsonKind } from "../json-document.ts";
import { type BodyParameters, missingOf, readParameters } from "./body-parameters.ts";
import { sharedChecks, sharedFields, streamContradiction } from "./chat-request.ts";
import {
  contradictory,
  type GenerationRequest,
  isProblem,
  type RequestProblem,
} from "./generation-request.ts";
import { booleanCheck, type Check, integerCheck, stringCheck } from "./parameter-checks.ts";

const promptCheck: Check = (document, value) => {
  const kind = document.kind(value);
  return kind === jsonKind.string || kind === jsonKind.array
    ? undefined
    : "must be a string or a list";
};

const checks = new Map<string, Check>([
  ...sharedChecks,
  ["prompt", promptCheck],
  ["suffix", stringCheck],
  ["echo", booleanCheck],
  ["logprobs", integerCheck({ min: 0, max: 20 })],
]);

/** A text completion, or one that fills in the middle. */
export function readCompletionRequest(body: Buffer): GenerationRequest | RequestProblem {
  const parameters = readParameters(body, checks);
  if (isProblem(parameters)) return parameters;
  const problem = missingOf(parameters, "model", "prompt") ?? contradictionIn(parameters);
  if (problem !== undefined) return problem;
  const isFim = parameters.has("suffix");
  return {
    ...sharedFields(parameters),
    endpoint: "completions",
    maxTokens: parameters.number("max_tokens"),
    prompt: { textBytes: parameters.size("prompt") + parameters.size("suffix"), images: 0 },
    features: [isFim ? "fim" : "completions"],
    isThinking: false,
    isMaxEffort: false,
    conversationId: "",
    developerRoles: [],
    isToolForced: false,
    hasExtension: false,
  };
}

function contradictionIn(parameters: BodyParameters): RequestProblem | undefined {
  const isEcho = parameters.isTrue("echo");
  if (isEcho && (parameters.has("suffix") || parameters.has("logprobs"))) {
    return contradictory("echo", "`echo` cannot be combined with `suffix` or `logprobs`.");
  }
  return streamContradiction(parameters);
}
