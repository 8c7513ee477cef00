import { type JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import type { GenerationRequest } from "../request/generation-request.ts";

/** What of a request decides how its broken answer is gone on with. */
export interface SpliceFacts {
  readonly isChat: boolean;
  readonly choices: number;
  readonly hasTools: boolean;
  readonly isJson: boolean;
  /** The answer is checked for these, whoever says it. */
  readonly stops: readonly string[];
  /** Each word is certain. */
  readonly isGreedy: boolean;
  /** Probabilities are told for each token, so that none may be said again. */
  readonly hasLogprobs: boolean;
  /** Text that an answer of this request goes on from; undefined where it is none. */
  readonly openText: string | undefined;
  /** The prompt that stands before the answer as part of it; empty without. */
  readonly echoed: string;
}

/** Read once a stream has broken, from the body that is kept anyway. */
export function spliceFacts(request: GenerationRequest): SpliceFacts {
  const { document, endpoint, features, choices } = request;
  const at = (name: string): number => document.member(document.root, name);
  const logprobs = at("logprobs");
  const temperature = at("temperature");
  return {
    isChat: endpoint === "chat",
    choices,
    hasTools: features.includes("tools"),
    isJson: features.includes("json_object") || features.includes("json_schema"),
    stops: isTrue(document, at("include_stop_str_in_output")) ? [] : stopsOf(document, at("stop")),
    isGreedy: temperature !== nowhere && document.number(temperature) === 0,
    hasLogprobs: logprobs !== nowhere && !["false", "null"].includes(document.raw(logprobs)),
    openText: endpoint === "chat" ? openMessage(document) : openPrompt(document),
    echoed: isTrue(document, at("echo")) ? (promptText(document) ?? "") : "",
  };
}

function isTrue(document: JsonDocument, value: number): boolean {
  return value !== nowhere && document.kind(value) === jsonKind.true;
}

function stopsOf(document: JsonDocument, value: number): readonly string[] {
  if (value === nowhere) return [];
  const stop = document.parse(value);
  if (typeof stop === "string") return [stop];
  return Array.isArray(stop) ? stop.filter((each) => typeof each === "string") : [];
}

/** The client's own beginning of the answer; empty without one. */
function openMessage(document: JsonDocument): string | undefined {
  const last = lastMessage(document);
  if (last === nowhere || !isTrue(document, document.member(last, "prefix"))) return "";
  const content = document.member(last, "content");
  if (content === nowhere || document.kind(content) !== jsonKind.string) return undefined;
  return document.text(content);
}

/** The last message, or `nowhere`. */
export function lastMessage(document: JsonDocument): number {
  const messages = document.member(document.root, "messages");
  let last = nowhere;
  for (
    let message = messages === nowhere ? nowhere : document.firstChild(messages);
    message !== nowhere;
    message = document.nextChild(messages, message)
  ) {
    last = message;
  }
  return last;
}

/** The prompt; with `echo` the answer brings it along, so that there is nothing before it. */
function openPrompt(document: JsonDocument): string | undefined {
  const prompt = promptText(document);
  const isEcho = isTrue(document, document.member(document.root, "echo"));
  return isEcho && prompt !== undefined ? "" : prompt;
}

function promptText(document: JsonDocument): string | undefined {
  const prompt = document.member(document.root, "prompt");
  const isText = prompt !== nowhere && document.kind(prompt) === jsonKind.string;
  return isText ? document.text(prompt) : undefined;
}
