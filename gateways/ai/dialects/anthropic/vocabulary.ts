/** The words of Anthropic's Messages API and what they are called in the canonical form. */
import type { JsonObject } from "../reading.ts";

/**
 * What stands where Anthropic's own models put a proof that they thought a thought. Thinking that
 * bears it is never shown to Anthropic itself, which would refuse it.
 */
export const unsignedThought = "unsigned-by-tandem";

/** In the canonical form a request that Anthropic's clients sent has these under `x_tandem`. */
export interface AnthropicExtension {
  /** The request marks a prefix for caching. */
  readonly cache_control?: unknown;
  /** By number of the canonical message: its blocks of thinking, with their signatures. */
  readonly thinking?: Readonly<Record<string, readonly unknown[]>>;
  /** Ids of tool calls whose results are errors. */
  readonly tool_errors?: readonly string[];
}

export type StopReason = "end_turn" | "max_tokens" | "stop_sequence" | "tool_use" | "refusal";

/**
 * Anthropic's stop reason for a canonical finish reason. What broke off for lack of capacity is
 * told as cut short, which it is; there is no word of its own for it.
 */
export function stopReasonOf(finishReason: string, hasCalls: boolean): StopReason {
  switch (finishReason) {
    case "stop":
    case "eos":
      // Some servers say that they stopped where they stopped to call something.
      return hasCalls ? "tool_use" : "end_turn";
    case "tool_calls":
    case "function_call":
      return "tool_use";
    case "content_filter":
      return "refusal";
    default:
      return "max_tokens";
  }
}

/** The canonical finish reason for what an Anthropic upstream says. */
export function finishReasonOf(stopReason: string): string {
  switch (stopReason) {
    case "end_turn":
    case "stop_sequence":
      return "stop";
    case "tool_use":
      return "tool_calls";
    case "refusal":
      return "content_filter";
    default:
      return "length";
  }
}

/** Canonical effort for Anthropic's, and the reverse; the others are called the same. */
export const efforts = ["low", "medium", "high", "xhigh", "max"] as const;

/** vLLM names the string that was met as `stop_reason`, SGLang as `matched_stop`. */
export function stopSequenceIn(choice: JsonObject, sequences: readonly string[]): string | null {
  const met = choice["stop_reason"] ?? choice["matched_stop"];
  return typeof met === "string" && sequences.includes(met) ? met : null;
}
