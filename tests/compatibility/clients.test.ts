import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Browser, findBrowser, type Page, startBrowser } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { aiSdkClients } from "./clients/ai-sdk.ts";
import { anthropicClients } from "./clients/anthropic-sdk.ts";
import { pageTransport } from "./clients/browser-socket.ts";
import { clientsByTransport, transportClient } from "./clients/by-transport.ts";
import { langchainClients } from "./clients/langchain.ts";
import { llamaindexClient } from "./clients/llamaindex.ts";
import { openaiChatClients } from "./clients/openai-chat.ts";
import { openaiResponsesClient } from "./clients/openai-responses.ts";
import { clientsSuite } from "./clients.suite.ts";
import { ClientsTable } from "./clients-table.ts";
import { openTarget, type Target } from "./target.ts";

const reference = join(import.meta.dirname, "../../docs/reference/clients.md");
const browserPath = findBrowser();
let target: Target | undefined;
let browser: Browser | undefined;
let page: Page | undefined;

function opened(): Target {
  if (!target) throw new Error("the target is opened before the first test");
  return target;
}

before(async () => {
  target = await openTarget();
  if (browserPath === undefined) return;
  browser = await startBrowser(browserPath);
  page = await browser.open(`${target.origin}/livez`);
});
after(async () => {
  for (const client of clients) await client.close?.();
  await browser?.close();
  await target?.close();
});

const pageClient = transportClient("a browser's WebSocket", {
  place: opened,
  open: (place) => {
    assert.ok(page);
    return pageTransport(page, place);
  },
});
const clients = [
  ...openaiChatClients,
  openaiResponsesClient,
  ...anthropicClients,
  ...aiSdkClients,
  ...langchainClients,
  llamaindexClient,
  ...clientsByTransport(opened),
  ...(browserPath === undefined ? [] : [pageClient]),
];
const table = new ClientsTable();
for (const client of clients) clientsSuite(client, opened, { upstream: "openai", table });
for (const client of [anthropicClients[0], aiSdkClients.at(-1), openaiResponsesClient]) {
  if (client !== undefined) clientsSuite(client, opened, { upstream: "anthropic" });
}

test("the reference says what each client got", (context) => {
  if (browserPath === undefined) return context.skip("no chromium on PATH");
  const now = table.page(clients);
  if (realWorld().environment["CLIENTS"] === "write") writeFileSync(reference, now);
  assert.equal(now, readFileSync(reference, "utf8"));
});
