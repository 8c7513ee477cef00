/** What a stream's chunk says, as far as anybody here has to know. */

export interface ChunkFacts {
  /** An error in place of a chunk: its object. */
  readonly error: unknown;
  /** Has `choices`: is a chunk at all. */
  readonly isChunk: boolean;
  readonly hasChoices: boolean;
  /** Brings text, reasoning, a tool call or anything else that a client would show or use. */
  readonly isReal: boolean;
  /** Brings a tool call, or a piece of one. */
  readonly isToolCall: boolean;
  /** The first finish reason that is set; empty when none is. */
  readonly finishReason: string;
  /** Choices that end with this chunk. */
  readonly finished: number;
  readonly hasRole: boolean;
  readonly object: string;
  readonly model: string;
  readonly usage: unknown;
}

interface Choice {
  readonly delta?: Readonly<Record<string, unknown>> | null;
  readonly text?: unknown;
  readonly finish_reason?: unknown;
}

export function readChunk(value: unknown): ChunkFacts {
  const fields = (typeof value === "object" && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  const choices = Array.isArray(fields["choices"]) ? (fields["choices"] as Choice[]) : undefined;
  const finishes = choices?.filter(({ finish_reason }) => typeof finish_reason === "string") ?? [];
  return {
    error: fields["error"] ?? undefined,
    isChunk: choices !== undefined,
    hasChoices: choices !== undefined && choices.length > 0,
    isReal: choices?.some(isRealChoice) ?? false,
    isToolCall: choices?.some(isCallingChoice) ?? false,
    finishReason: String(finishes[0]?.finish_reason ?? ""),
    finished: finishes.length,
    hasRole: choices?.some(({ delta }) => typeof delta?.["role"] === "string") ?? false,
    object: String(fields["object"] ?? ""),
    model: String(fields["model"] ?? ""),
    usage: fields["usage"] ?? undefined,
  };
}

function isRealChoice({ delta, text, finish_reason }: Choice): boolean {
  if (typeof finish_reason === "string") return true;
  if (typeof text === "string" && text !== "") return true;
  return Object.entries(delta ?? {}).some(
    ([name, value]) => name !== "role" && value !== null && value !== "" && !isEmptyList(value),
  );
}

function isCallingChoice({ delta }: Choice): boolean {
  const calls = delta?.["tool_calls"];
  return Array.isArray(calls) && calls.length > 0;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
