import type { Conversation } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { chatFaults } from "../faults.ts";
import type { ConversationStore, StoredConversation } from "../store/conversation-store.ts";

/** Refuses whoever acts for another organisation than the one it names, or for none. */
export function requireOrganisation(organisationId: string, { passport }: CallContext): void {
  const isForeign = passport.organisationId !== "" && passport.organisationId !== organisationId;
  if (organisationId === "" || isForeign) throw chatFaults.no_organisation();
}

/** The conversation, or the fault that a missing one and a foreign one share. */
export async function findConversation(
  store: ConversationStore,
  request: { readonly organisationId: string; readonly id: string },
  context: CallContext,
): Promise<StoredConversation> {
  requireOrganisation(request.organisationId, context);
  const conversation = await store.find(request.organisationId, request.id);
  if (conversation === undefined) throw chatFaults.conversation_not_found();
  return conversation;
}

export function conversationToWire(conversation: StoredConversation): MessageInit<Conversation> {
  return {
    ...conversation,
    createdAtMs: BigInt(conversation.createdAtMs),
    updatedAtMs: BigInt(conversation.updatedAtMs),
  };
}
