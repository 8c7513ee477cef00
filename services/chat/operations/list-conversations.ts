import type {
  ListConversationsRequest,
  ListConversationsResponse,
} from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { ConversationStore } from "../store/conversation-store.ts";
import { conversationToWire, requireOrganisation } from "./conversation-access.ts";

const limitDefault = 50;
const limitMax = 200;

export async function listConversations(
  store: ConversationStore,
  request: ListConversationsRequest,
  context: CallContext,
): Promise<MessageInit<ListConversationsResponse>> {
  requireOrganisation(request.organisationId, context);
  const limit = Math.min(request.limit === 0 ? limitDefault : request.limit, limitMax);
  const found = await store.list({ ...request, limit: limit + 1 });
  return {
    conversations: found.slice(0, limit).map(conversationToWire),
    hasMore: found.length > limit,
  };
}
