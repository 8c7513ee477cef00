import type {
  ListMessagesRequest,
  ListMessagesResponse,
} from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { ConversationStore } from "../store/conversation-store.ts";
import { findConversation } from "./conversation-access.ts";

const limitDefault = 100;
const limitMax = 500;

/** A conversation's messages from the first on. */
export async function listMessages(
  store: ConversationStore,
  request: ListMessagesRequest,
  context: CallContext,
): Promise<MessageInit<ListMessagesResponse>> {
  const { organisationId, conversationId: id, after } = request;
  await findConversation(store, { organisationId, id }, context);
  const limit = Math.min(request.limit === 0 ? limitDefault : request.limit, limitMax);
  const found = await store.listMessages(id, { after, limit: limit + 1 });
  return {
    messages: found.slice(0, limit).map((message) => ({ ...message, atMs: BigInt(message.atMs) })),
    hasMore: found.length > limit,
  };
}
