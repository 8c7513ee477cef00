import { after, before } from "node:test";
import { aiSdkClients } from "./clients/ai-sdk.ts";
import { anthropicClients } from "./clients/anthropic-sdk.ts";
import { langchainClients } from "./clients/langchain.ts";
import { llamaindexClient } from "./clients/llamaindex.ts";
import { openaiResponsesClient } from "./clients/openai-responses.ts";
import { clientsSuite } from "./clients.suite.ts";
import { openTarget, type Target } from "./target.ts";

let target: Target | undefined;

function opened(): Target {
  if (!target) throw new Error("the target is opened before the first test");
  return target;
}

before(async () => {
  target = await openTarget();
});
after(() => target?.close());

const clients = [
  ...anthropicClients,
  ...langchainClients,
  ...aiSdkClients,
  llamaindexClient,
  openaiResponsesClient,
];
for (const client of clients) clientsSuite(client, opened, { upstream: "openai" });
for (const client of [anthropicClients[0], aiSdkClients.at(-1), openaiResponsesClient]) {
  if (client !== undefined) clientsSuite(client, opened, { upstream: "anthropic" });
}
