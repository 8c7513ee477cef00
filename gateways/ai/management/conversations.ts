/** Conversations that the platform keeps for whoever asked it to. */
import type { Conversation } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import {
  idField,
  lineField,
  pageOf,
  pageQuery,
  pageReply,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const conversation = z
  .strictObject({
    id: z.string(),
    project_id: z.string(),
    title: z.string(),
    model: z.string(),
    message_count: z.int(),
    created_at: timeField.nullable(),
    updated_at: timeField.nullable(),
  })
  .meta({ id: "Conversation" });

const message = z
  .strictObject({
    id: z.string(),
    message: z.record(z.string(), z.unknown()).meta({ description: "As the chat API writes it." }),
    tokens: z.int(),
    request_id: z.string(),
    at: timeField.nullable(),
  })
  .meta({ id: "ConversationMessage" });

const params = z.strictObject({ conversation_id: idField("conv") });
const tag = "Conversations";

export const conversationRoutes = [
  route({
    method: "POST",
    path: "/api/v1/conversations",
    operationId: "createConversation",
    summary: "Begin a conversation; name it in chat calls to have its history in the context.",
    tag,
    access: "caller",
    status: 201,
    body: z.strictObject({
      title: lineField({ min: 0, max: 200 }).default(""),
      model: z.string().max(128).default(""),
    }),
    reply: conversation,
    handle: async (call, { chat }) => {
      const { organisationId, projectId, userId } = call.caller.claims;
      const created = await chat.createConversation(
        { organisationId, projectId, ownerId: userId, ...call.body },
        asCaller(call),
      );
      return { body: conversationFromMessage(created) };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/conversations",
    operationId: "listConversations",
    summary: "List the project's conversations, newest first.",
    tag,
    access: "caller",
    query: pageQuery,
    reply: pageOf(conversation),
    handle: async (call, { chat }) => {
      const { organisationId, projectId } = call.caller.claims;
      const { conversations, hasMore } = await chat.listConversations(
        { organisationId, projectId, limit: call.query.limit, after: call.query.after },
        asCaller(call),
      );
      return pageReply({
        items: conversations.map(conversationFromMessage),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/conversations/:conversation_id/messages",
    operationId: "listConversationMessages",
    summary: "Read a conversation from its first message on.",
    tag,
    access: "caller",
    params,
    query: pageQuery,
    reply: pageOf(message),
    faults: ["chat.conversation_not_found"],
    handle: async (call, { chat }) => {
      const { messages, hasMore } = await chat.listMessages(
        {
          organisationId: call.caller.claims.organisationId,
          conversationId: call.params.conversation_id,
          limit: call.query.limit,
          after: call.query.after,
        },
        asCaller(call),
      );
      return pageReply({
        items: messages.map((entry) => ({
          id: entry.id,
          message: JSON.parse(entry.json) as Record<string, unknown>,
          tokens: entry.tokens,
          request_id: entry.requestId,
          at: timeOf(entry.atMs),
        })),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/conversations/:conversation_id",
    operationId: "deleteConversation",
    summary: "Delete a conversation with all its messages.",
    tag,
    access: "caller",
    params,
    faults: ["chat.conversation_not_found"],
    handle: async (call, { chat }) => {
      const { organisationId } = call.caller.claims;
      await chat.deleteConversation(
        { organisationId, id: call.params.conversation_id },
        asCaller(call),
      );
      return {};
    },
  }),
];

function conversationFromMessage(given: Conversation): z.input<typeof conversation> {
  return {
    id: given.id,
    project_id: given.projectId,
    title: given.title,
    model: given.model,
    message_count: given.messageCount,
    created_at: timeOf(given.createdAtMs),
    updated_at: timeOf(given.updatedAtMs),
  };
}
