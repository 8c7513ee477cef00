import { BodyPatch } from "../body-patch.ts";
import { JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import { scanJson } from "../json-scanner.ts";
import { readUsage, type TokenUsage } from "../money/token-usage.ts";

/** Root, choices, choice, message and its members. */
const recordDepth = 4;

export interface WholeAnswer {
  readonly document: JsonDocument;
  /** Undefined when the upstream did not say. */
  readonly usage: TokenUsage | undefined;
  /** Of the first choice. */
  readonly finishReason: string;
}

export interface WholeFailure {
  readonly kind: "error_body" | "malformed";
  readonly detail: string;
  readonly error?: unknown;
}

/** Reads an answer given with status 200, which is not always one. */
export function readWholeAnswer(body: Buffer): WholeAnswer | WholeFailure {
  const document = scanJson(body, recordDepth);
  if (!(document instanceof JsonDocument)) {
    return { kind: "malformed", detail: `the answer ${document.problem}` };
  }
  const { root } = document;
  if (document.kind(root) !== jsonKind.object) {
    return { kind: "malformed", detail: "the answer is no object" };
  }
  const choices = document.member(root, "choices");
  const error = document.member(root, "error");
  if (error !== nowhere && document.kind(error) !== jsonKind.null) {
    return {
      kind: "error_body",
      detail: "an error came with status 200",
      error: document.parse(error),
    };
  }
  const first =
    choices === nowhere || document.kind(choices) !== jsonKind.array
      ? nowhere
      : document.firstChild(choices);
  if (first === nowhere) return { kind: "malformed", detail: "the answer has no choices" };
  return { document, usage: usageIn(document), finishReason: finishReasonIn(document, first) };
}

export function usageIn(document: JsonDocument): TokenUsage | undefined {
  const usage = document.member(document.root, "usage");
  if (usage === nowhere) return undefined;
  const promptDetails = document.member(usage, "prompt_tokens_details");
  const completionDetails = document.member(usage, "completion_tokens_details");
  return readUsage({
    prompt_tokens: numberIn(document, usage, "prompt_tokens"),
    completion_tokens: numberIn(document, usage, "completion_tokens"),
    prompt_cache_hit_tokens: numberIn(document, usage, "prompt_cache_hit_tokens"),
    prompt_tokens_details: { cached_tokens: numberIn(document, promptDetails, "cached_tokens") },
    completion_tokens_details: {
      reasoning_tokens: numberIn(document, completionDetails, "reasoning_tokens"),
    },
  });
}

function numberIn(document: JsonDocument, object: number, name: string): number | undefined {
  const value = object === nowhere ? nowhere : document.member(object, name);
  const isNumber = value !== nowhere && document.kind(value) === jsonKind.number;
  return isNumber ? document.number(value) : undefined;
}

function finishReasonIn(document: JsonDocument, choice: number): string {
  const finish = document.member(choice, "finish_reason");
  const isText = finish !== nowhere && document.kind(finish) === jsonKind.string;
  return isText ? document.text(finish) : "";
}

/** The answer as clients get it: our model name, usage in DeepSeek's form, the literal `object`. */
export function writeWholeAnswer(
  { document }: WholeAnswer,
  shown: {
    readonly object: string;
    readonly model: string;
    readonly usageJson: string;
    readonly reasoningKey: string | undefined;
  },
): Buffer {
  const patch = new BodyPatch(document);
  const object = document.member(document.root, "object");
  if (object === nowhere || document.raw(object) !== `"${shown.object}"`) {
    patch.set("object", `"${shown.object}"`);
  }
  const model = document.member(document.root, "model");
  const name = JSON.stringify(shown.model);
  if (model === nowhere || document.raw(model) !== name) patch.set("model", name);
  patch.set("usage", shown.usageJson);
  if (shown.reasoningKey !== undefined) renameReasoning(document, patch, shown.reasoningKey);
  return patch.build();
}

function renameReasoning(document: JsonDocument, patch: BodyPatch, key: string): void {
  const choices = document.member(document.root, "choices");
  let choice = document.firstChild(choices);
  while (choice !== nowhere) {
    const message = document.member(choice, "message");
    const reasoning = message === nowhere ? nowhere : document.member(message, key);
    const isTaken =
      message !== nowhere && document.member(message, "reasoning_content") !== nowhere;
    if (reasoning !== nowhere && !isTaken) patch.rename(reasoning, "reasoning_content");
    choice = document.nextChild(choices, choice);
  }
}

/** Bytes of the answer's choices: the measure of what was generated where nobody counted. */
export function choiceBytes({ document }: WholeAnswer): number {
  const choices = document.member(document.root, "choices");
  return document.end(choices) - document.start(choices);
}
