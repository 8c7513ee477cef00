import type { AppendRequest, AppendResponse } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId, type World } from "@tandem/libs/world";
import { chatFaults } from "../faults.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { TokenCounter } from "../token-counter.ts";
import { requireOrganisation } from "./conversation-access.ts";
import { readMessage } from "./read-message.ts";

/** Adds what was said and answered. Told twice by the same request, it is added once. */
export async function append(
  parts: {
    store: ConversationStore;
    counter: TokenCounter;
    world: World;
    messagesPerConversationMax: number;
  },
  request: AppendRequest,
  context: CallContext,
): Promise<MessageInit<AppendResponse>> {
  requireOrganisation(request.organisationId, context);
  // Without an id a second request could not be told from a repeated one, and would be lost.
  if (request.requestId === "") {
    throw chatFaults.malformed_message({ publicMessage: "The request's id is missing." });
  }
  const messages = await Promise.all(
    request.messageJsons.map(async (json) => {
      const { tokens } = await readMessage(parts.counter, json);
      return { id: newId(parts.world, "msg"), json, tokens };
    }),
  );
  const messageCount = await parts.store.append({
    organisationId: request.organisationId,
    conversationId: request.conversationId,
    requestId: request.requestId,
    messages,
    messagesMax: parts.messagesPerConversationMax,
  });
  return { messageCount };
}
