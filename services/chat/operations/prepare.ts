import type { PrepareRequest, PrepareResponse } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isInstruction, type SizedMessage, trimContext, wholeTurns } from "../core/trim-context.ts";
import { chatFaults } from "../faults.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { TokenCounter } from "../token-counter.ts";
import { findConversation } from "./conversation-access.ts";
import { readMessage, sizedMessage } from "./read-message.ts";

/** A conversation's history and what is said now, cut to what the model can read. */
export async function prepare(
  parts: { store: ConversationStore; counter: TokenCounter; historyMessagesMax: number },
  request: PrepareRequest,
  context: CallContext,
): Promise<MessageInit<PrepareResponse>> {
  const { counter } = parts;
  const said = await Promise.all(request.messageJsons.map((json) => readMessage(counter, json)));
  let history: readonly SizedMessage[] = [];
  if (request.conversationId !== "") {
    const { organisationId, conversationId: id } = request;
    await findConversation(parts.store, { organisationId, id }, context);
    const limit = parts.historyMessagesMax;
    const stored = await parts.store.newestMessages(id, limit);
    const sized = stored.map(({ json, tokens }) => sizedMessage(json, tokens));
    history = stored.length < limit ? sized : wholeTurns(sized);
  }
  const messages = withoutRepeatedSystem(history, said);
  const budget = request.budgetTokens === 0 ? Number.POSITIVE_INFINITY : request.budgetTokens;
  const total = messages.reduce((sum, message) => sum + message.tokens, 0);
  const trimmed = request.trim || total <= budget ? trimContext(messages, budget) : undefined;
  if (trimmed === undefined) throw chatFaults.context_length_exceeded();
  return {
    messageJsons: trimmed.kept.map(({ json }) => json),
    promptTokens: trimmed.tokens,
    droppedMessages: trimmed.dropped,
  };
}

/** Clients that send their system message with each turn mean one, the newest. */
function withoutRepeatedSystem(
  history: readonly SizedMessage[],
  said: readonly SizedMessage[],
): readonly SizedMessage[] {
  const system = said.filter(isInstruction);
  if (system.length === 0) return [...history, ...said];
  const others = (message: SizedMessage): boolean => !isInstruction(message);
  return [...system, ...history.filter(others), ...said.filter(others)];
}
