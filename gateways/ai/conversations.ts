import type { CallerIdentity } from "@tandem/libs/gateway";

/** History of a conversation with the new messages, trimmed to what the model can read. */
export interface PreparedContext {
  readonly messageJsons: readonly string[];
  readonly promptTokens: number;
}

/** Conversations that the platform keeps; the chat service has them. */
export interface Conversations {
  /** Throws the service's faults: not found, or nobody there. */
  prepare(
    identity: CallerIdentity,
    turn: {
      readonly requestId: string;
      readonly conversationId: string;
      readonly messageJsons: readonly string[];
      readonly budgetTokens: number;
    },
  ): Promise<PreparedContext>;
  /** Kept in the end, tried again while the service is away; exactly once by request id. */
  append(
    identity: CallerIdentity,
    turn: {
      readonly requestId: string;
      readonly conversationId: string;
      readonly messageJsons: readonly string[];
    },
  ): void;
}
