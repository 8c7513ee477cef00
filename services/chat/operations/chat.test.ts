import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { start } from "../main.ts";

type Client = RpcClient<(typeof ChatService)["method"]>;

const house = createTestHouse({
  replicas: ["chat/1", "chat/2", "ai/1"],
  calls: { ai: ["chat"] },
});
const gateway = house.site("ai/1");
const lifecycle = createLifecycle(gateway);
let postgres: TestPostgres;
let replicas: Replica[];
let clients: Client[];

before(async () => {
  postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const sites = [house.site("chat/1", { databaseUrl }), house.site("chat/2", { databaseUrl })];
  replicas = await Promise.all(sites.map(start));
  clients = sites.map(({ address }) =>
    connectRpc(gateway, lifecycle, { service: ChatService, deployable: "chat", address }),
  );
});

after(async () => {
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
  await postgres.stop();
  house.close();
});

const organisationId = "org_a";
const patient = { deadlineMs: 20_000 };
const say = (role: string, content: string): string => JSON.stringify({ role, content });

async function newConversation(): Promise<string> {
  const created = await clientOf(0).createConversation({ organisationId, title: "t" });
  assert.equal(created.messageCount, 0);
  return created.id;
}

function clientOf(index: number): Client {
  const client = clients[index];
  if (client === undefined) throw new Error("no such replica");
  return client;
}

test("messages of a request are added once, in one order, whichever replica is told", async () => {
  const conversationId = await newConversation();
  const told = clients.flatMap((client) =>
    ["req_1", "req_2", "req_1", "req_2"].map((requestId) =>
      client.append(
        {
          organisationId,
          conversationId,
          requestId,
          messageJsons: [say("user", requestId), say("assistant", requestId)],
        },
        patient,
      ),
    ),
  );
  await Promise.all(told);
  const { messages } = await clientOf(1).listMessages({ organisationId, conversationId });
  assert.deepEqual(
    messages.map((message) => JSON.parse(message.json).role),
    ["user", "assistant", "user", "assistant"],
  );
  assert.equal(new Set(messages.map((message) => message.requestId)).size, 2);
});

test("a context holds the history, real token counts, and drops whole old turns", async () => {
  const conversationId = await newConversation();
  const client = clientOf(0);
  const long = "word ".repeat(200);
  for (const requestId of ["req_a", "req_b"]) {
    await client.append({
      organisationId,
      conversationId,
      requestId,
      messageJsons: [say("user", `${requestId} ${long}`), say("assistant", long)],
    });
  }
  const messageJsons = [say("system", "Be brief."), say("user", "And now?")];
  const whole = await client.prepare({ organisationId, conversationId, messageJsons }, patient);
  assert.equal(whole.messageJsons.length, 6);
  assert.ok(whole.promptTokens > 800 && whole.promptTokens < 850, `${whole.promptTokens} tokens`);
  const request = { organisationId, conversationId, messageJsons, budgetTokens: 500 };
  const trimmed = await client.prepare({ ...request, trim: true });
  assert.deepEqual([trimmed.messageJsons.length, trimmed.droppedMessages], [4, 2]);
  assert.ok(trimmed.messageJsons[1]?.includes("req_b"));
  await assert.rejects(client.prepare(request), { reason: "chat.context_length_exceeded" });
});

test("another organisation's conversation is as unknown as one that never was", async () => {
  const id = await newConversation();
  const client = clientOf(1);
  const foreign = { organisationId: "org_b", id };
  const unknown = { reason: "chat.conversation_not_found" };
  await assert.rejects(client.getConversation(foreign), unknown);
  await assert.rejects(client.deleteConversation(foreign), unknown);
  const messages = { organisationId: "org_b", conversationId: id };
  await assert.rejects(client.listMessages(messages), unknown);
  await assert.rejects(client.prepare(messages), unknown);
  const appended = { ...messages, requestId: "req_1", messageJsons: [say("user", "x")] };
  await assert.rejects(client.append(appended), unknown);
  const listed = await client.listConversations({ organisationId: "org_b" });
  assert.deepEqual(listed.conversations, []);
});

test("a caller cannot act for an organisation that its passport does not name", async () => {
  const caller = {
    organisationId: "org_b",
    projectId: "",
    userId: "",
    keyId: "",
    sessionId: "",
    scopes: ["admin"],
    roles: ["owner"],
  };
  await assert.rejects(clientOf(0).listConversations({ organisationId }, { caller }), {
    reason: "chat.no_organisation",
  });
});

test("what is no message is refused and changes nothing", async () => {
  const conversationId = await newConversation();
  const client = clientOf(0);
  for (const json of ["", "{", "null", '"text"', "[]", '{"content":"no role"}']) {
    const request = { organisationId, conversationId, messageJsons: [json] };
    const refused = { reason: "chat.malformed_message" };
    await assert.rejects(client.prepare(request), refused, json);
    await assert.rejects(client.append({ ...request, requestId: "req_1" }), refused, json);
    await assert.rejects(client.append({ ...request, messageJsons: [] }), refused, "no request id");
  }
  const { messages } = await client.listMessages({ organisationId, conversationId });
  assert.deepEqual(messages, []);
});

test("conversations come newest first, page by page, and can be deleted", async () => {
  const own = { organisationId: "org_pages" };
  const client = clientOf(0);
  const ids: string[] = [];
  for (let index = 0; index < 3; index += 1) ids.push((await client.createConversation(own)).id);
  const page = await client.listConversations({ ...own, limit: 2 });
  assert.equal(page.hasMore, true);
  const last = page.conversations.at(-1)?.id ?? "";
  const next = await client.listConversations({ ...own, limit: 2, after: last });
  const seen = [...page.conversations, ...next.conversations].map((found) => found.id);
  assert.deepEqual(
    seen.sort((a, b) => (a < b ? -1 : 1)),
    [...ids].sort((a, b) => (a < b ? -1 : 1)),
  );
  assert.equal(next.hasMore, false);
  await client.deleteConversation({ ...own, id: last });
  const left = await clientOf(1).listConversations(own);
  assert.equal(left.conversations.length, 2);
});
