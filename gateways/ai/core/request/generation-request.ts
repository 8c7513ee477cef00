import type { JsonDocument } from "../json-document.ts";
import type { ArticlesWish } from "./articles-wish.ts";

export type Endpoint = "chat" | "completions" | "embeddings";

/** What a model must be able to do for a request; the names are those of the catalogue. */
export type Feature =
  | "chat"
  | "completions"
  | "fim"
  | "embeddings"
  | "tools"
  | "json_object"
  | "json_schema"
  | "prefix"
  | "logprobs"
  | "vision";

/** How much there is to read for the model. */
export interface PromptSize {
  /** Bytes of JSON that hold text: messages and tools, without images. */
  readonly textBytes: number;
  readonly images: number;
}

/** A valid request: what the gateway decides with. Everything else stays in the document. */
export interface GenerationRequest {
  readonly endpoint: Endpoint;
  readonly document: JsonDocument;
  readonly model: string;
  readonly isStream: boolean;
  /** As the client set it; undefined when it did not. */
  readonly maxTokens: number | undefined;
  /** Answers wanted, each of which may take all of `maxTokens`. */
  readonly choices: number;
  readonly prompt: PromptSize;
  readonly features: readonly Feature[];
  /** Set by `thinking` or an effort of "none"; undefined when the request leaves it open. */
  readonly isThinking: boolean | undefined;
  /** The effort "max", which has a larger default of tokens. */
  readonly isMaxEffort: boolean;
  /** Asked twice, it has the same answer. */
  readonly isDeterministic: boolean;
  /** Empty when the request belongs to no conversation. */
  readonly conversationId: string;
  /** Role values to be written as `system` for upstreams. */
  readonly developerRoles: readonly number[];
  /** `tool_choice` obliges the model to call something. */
  readonly isToolForced: boolean;
  /** There is a member `x_tandem`: what another dialect said beyond this form. */
  readonly hasExtension: boolean;
  /** What it says about articles in its context; undefined when nothing. */
  readonly articles?: ArticlesWish | undefined;
}

/** Why a request is refused. */
export interface RequestProblem {
  /**
   * `malformed`: no JSON object. `invalid`: a value of the wrong type or range.
   * `contradictory`: values that make no sense together.
   */
  readonly problem: "malformed" | "invalid" | "contradictory";
  /** The parameter, as its author would name it; empty for the body itself. */
  readonly parameter: string;
  /** A whole sentence. */
  readonly message: string;
}

export function isProblem<Value extends object>(
  value: Value | RequestProblem,
): value is RequestProblem {
  return "problem" in value;
}

export function invalid(parameter: string, clause: string): RequestProblem {
  return {
    problem: "invalid",
    parameter,
    message: `Invalid \`${parameter}\`: it ${clause}.`,
  };
}

export function contradictory(parameter: string, message: string): RequestProblem {
  return { problem: "contradictory", parameter, message };
}
