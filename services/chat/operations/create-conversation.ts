import type {
  Conversation,
  CreateConversationRequest,
} from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId, type World } from "@tandem/libs/world";
import type { ConversationStore } from "../store/conversation-store.ts";
import { conversationToWire, requireOrganisation } from "./conversation-access.ts";

export async function createConversation(
  { store, world }: { store: ConversationStore; world: World },
  request: CreateConversationRequest,
  context: CallContext,
): Promise<MessageInit<Conversation>> {
  requireOrganisation(request.organisationId, context);
  const { organisationId, projectId, ownerId, title, model } = request;
  const id = newId(world, "conv");
  const stored = await store.create({ id, organisationId, projectId, ownerId, title, model });
  return conversationToWire(stored);
}
