import { type Database, sql, transaction } from "@tandem/libs/store";
import { chatFaults } from "../faults.ts";
import type { Schema } from "./migrations.ts";

export interface StoredConversation {
  readonly id: string;
  readonly organisationId: string;
  readonly projectId: string;
  readonly ownerId: string;
  readonly title: string;
  readonly model: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly messageCount: number;
}

export interface StoredMessage {
  readonly id: string;
  readonly json: string;
  readonly tokens: number;
  readonly requestId: string;
  readonly atMs: number;
}

export interface ConversationQuery {
  readonly organisationId: string;
  readonly projectId: string;
  readonly ownerId: string;
  readonly after: string;
  readonly limit: number;
}

/** Conversations and their messages. Everything is asked within one organisation. */
export interface ConversationStore {
  create(conversation: NewConversation): Promise<StoredConversation>;
  find(organisationId: string, id: string): Promise<StoredConversation | undefined>;
  /** Newest first. */
  list(query: ConversationQuery): Promise<readonly StoredConversation[]>;
  delete(organisationId: string, id: string): Promise<StoredConversation | undefined>;
  /** In their order, those behind the message `after`. */
  listMessages(
    conversationId: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly StoredMessage[]>;
  /** The newest ones, in their order. */
  newestMessages(conversationId: string, limit: number): Promise<readonly StoredMessage[]>;
  /**
   * Adds messages at the end, all or none, in one order for all replicas. A request that has added
   * its messages before changes nothing. Gives how many messages there are now.
   */
  append(entry: AppendEntry): Promise<number>;
}

export type NewConversation = Pick<
  StoredConversation,
  "id" | "organisationId" | "projectId" | "ownerId" | "title" | "model"
>;

export interface AppendEntry {
  readonly organisationId: string;
  readonly conversationId: string;
  readonly requestId: string;
  readonly messages: readonly {
    readonly id: string;
    readonly json: string;
    readonly tokens: number;
  }[];
  readonly messagesMax: number;
}

export function createConversationStore(database: Database<Schema>): ConversationStore {
  return {
    async create(conversation) {
      const row = await database
        .insertInto("conversations")
        .values({
          id: conversation.id,
          organisation_id: conversation.organisationId,
          project_id: conversation.projectId,
          owner_id: conversation.ownerId,
          title: conversation.title,
          model: conversation.model,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return rowToConversation(row);
    },
    async find(organisationId, id) {
      const row = await database
        .selectFrom("conversations")
        .selectAll()
        .where("id", "=", id)
        .where("organisation_id", "=", organisationId)
        .executeTakeFirst();
      return row && rowToConversation(row);
    },
    list: (query) => listConversations(database, query),
    async delete(organisationId, id) {
      const row = await database
        .deleteFrom("conversations")
        .where("id", "=", id)
        .where("organisation_id", "=", organisationId)
        .returningAll()
        .executeTakeFirst();
      return row && rowToConversation(row);
    },
    async listMessages(conversationId, { after, limit }) {
      const rows = await database
        .selectFrom("messages")
        .selectAll()
        .where("conversation_id", "=", conversationId)
        .where(
          "position",
          ">",
          sql<number>`coalesce((select position from messages
            where id = ${after} and conversation_id = ${conversationId}), -1)`,
        )
        .orderBy("position")
        .limit(limit)
        .execute();
      return rows.map(rowToMessage);
    },
    async newestMessages(conversationId, limit) {
      const rows = await database
        .selectFrom("messages")
        .selectAll()
        .where("conversation_id", "=", conversationId)
        .orderBy("position", "desc")
        .limit(limit)
        .execute();
      return rows.reverse().map(rowToMessage);
    },
    append: (entry) => appendMessages(database, entry),
  };
}

async function listConversations(
  database: Database<Schema>,
  { organisationId, projectId, ownerId, after, limit }: ConversationQuery,
): Promise<readonly StoredConversation[]> {
  let query = database
    .selectFrom("conversations")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("id", "desc")
    .limit(limit);
  if (projectId !== "") query = query.where("project_id", "=", projectId);
  if (ownerId !== "") query = query.where("owner_id", "=", ownerId);
  if (after !== "") query = query.where("id", "<", after);
  return (await query.execute()).map(rowToConversation);
}

function appendMessages(database: Database<Schema>, entry: AppendEntry): Promise<number> {
  return transaction(database, async (tx) => {
    // The conversation's row is the lock: two replicas append one after the other.
    const conversation = await tx
      .selectFrom("conversations")
      .select("message_count")
      .where("id", "=", entry.conversationId)
      .where("organisation_id", "=", entry.organisationId)
      .forUpdate()
      .executeTakeFirst();
    if (conversation === undefined) throw chatFaults.conversation_not_found();
    const count = conversation.message_count;
    const repeated = await tx
      .selectFrom("messages")
      .select("id")
      .where("conversation_id", "=", entry.conversationId)
      .where("request_id", "=", entry.requestId)
      .limit(1)
      .executeTakeFirst();
    if (repeated !== undefined || entry.messages.length === 0) return count;
    const total = count + entry.messages.length;
    if (total > entry.messagesMax) throw chatFaults.conversation_full();
    await tx
      .insertInto("messages")
      .values(
        entry.messages.map((message, index) => ({
          ...message,
          conversation_id: entry.conversationId,
          position: count + index,
          request_id: entry.requestId,
        })),
      )
      .execute();
    await tx
      .updateTable("conversations")
      .set({ message_count: total, updated_at: sql`now()` })
      .where("id", "=", entry.conversationId)
      .execute();
    return total;
  });
}

function rowToConversation(row: {
  id: string;
  organisation_id: string;
  project_id: string;
  owner_id: string;
  title: string;
  model: string;
  created_at: Date;
  updated_at: Date;
  message_count: number;
}): StoredConversation {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    projectId: row.project_id,
    ownerId: row.owner_id,
    title: row.title,
    model: row.model,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
    messageCount: row.message_count,
  };
}

function rowToMessage(row: {
  id: string;
  json: string;
  tokens: number;
  request_id: string;
  at: Date;
}): StoredMessage {
  const { id, json, tokens } = row;
  return { id, json, tokens, requestId: row.request_id, atMs: row.at.getTime() };
}
