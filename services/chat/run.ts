/**
 * The chat service: conversations that the platform keeps for callers who ask for it, and contexts
 * cut to a model's size by real token counts. It fails by 503: a request that names a conversation
 * needs it, all others never come here; what was answered is appended again until it is kept.
 */
import { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import { implement } from "@tandem/libs/rpc";
import { createLifecycle, type Replica, type Site, serveRpc } from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { migrate, openDatabase } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { chatFaults } from "./faults.ts";
import { append } from "./operations/append.ts";
import { conversationToWire, findConversation } from "./operations/conversation-access.ts";
import { createConversation } from "./operations/create-conversation.ts";
import { listConversations } from "./operations/list-conversations.ts";
import { listMessages } from "./operations/list-messages.ts";
import { prepare } from "./operations/prepare.ts";
import { createConversationStore } from "./store/conversation-store.ts";
import { migrations, type Schema } from "./store/migrations.ts";
import { createTokenCounter } from "./token-counter.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize: 4 });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);

  const store = createConversationStore(database);
  const parts = { store, world, counter: createTokenCounter(), ...config };
  return serveRpc(site, lifecycle, [
    implement(ChatService, {
      createConversation: (request, context) => createConversation(parts, request, context),
      getConversation: async (request, context) =>
        conversationToWire(await findConversation(store, request, context)),
      listConversations: (request, context) => listConversations(store, request, context),
      deleteConversation: async (request, context) => {
        await findConversation(store, request, context);
        const deleted = await store.delete(request.organisationId, request.id);
        if (deleted === undefined) throw chatFaults.conversation_not_found();
        return conversationToWire(deleted);
      },
      listMessages: (request, context) => listMessages(store, request, context),
      prepare: (request, context) => prepare(parts, request, context),
      append: (request, context) => append(parts, request, context),
    }),
  ]);
}
