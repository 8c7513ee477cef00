import { type JsonDocument, jsonKind } from "../json-document.ts";
import { missingOf, readParameters } from "./body-parameters.ts";
import { type GenerationRequest, isProblem, type RequestProblem } from "./generation-request.ts";
import {
  type Check,
  choiceCheck,
  elementsOf,
  integerCheck,
  stringCheck,
} from "./parameter-checks.ts";

const inputsMax = 2_048;

/** A text, texts, token numbers, or lists of them. */
const inputCheck: Check = (document, value) => {
  const kind = document.kind(value);
  if (kind === jsonKind.string) {
    return document.end(value) - document.start(value) > 2 ? undefined : "must not be empty";
  }
  if (kind !== jsonKind.array) return "must be a string or a list";
  let count = 0;
  let isTokens = false;
  for (const element of elementsOf(document, value)) {
    count += 1;
    isTokens ||= document.kind(element) === jsonKind.number;
    if (!isInput(document, element)) return "must hold strings or lists of token numbers";
  }
  if (count === 0) return "must not be empty";
  return count <= inputsMax || isTokens ? undefined : `must hold at most ${inputsMax} texts`;
};

function isInput(document: JsonDocument, element: number): boolean {
  const kind = document.kind(element);
  return kind === jsonKind.string || kind === jsonKind.array || kind === jsonKind.number;
}

const checks = new Map<string, Check>([
  ["model", stringCheck],
  ["input", inputCheck],
  ["encoding_format", choiceCheck("float", "base64")],
  ["dimensions", integerCheck({ min: 1, max: 65_536 })],
  ["user", stringCheck],
]);

export function readEmbeddingRequest(body: Buffer): GenerationRequest | RequestProblem {
  const parameters = readParameters(body, checks);
  if (isProblem(parameters)) return parameters;
  const problem = missingOf(parameters, "model", "input");
  if (problem !== undefined) return problem;
  return {
    endpoint: "embeddings",
    document: parameters.document,
    model: parameters.text("model") ?? "",
    isStream: false,
    maxTokens: 0,
    choices: 1,
    prompt: { textBytes: parameters.size("input"), images: 0 },
    features: ["embeddings"],
    isThinking: undefined,
    isMaxEffort: false,
    isDeterministic: true,
    conversationId: "",
    developerRoles: [],
    isToolForced: false,
    hasExtension: false,
  };
}
