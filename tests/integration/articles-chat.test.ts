/**
 * An article published through the public door is in a chat's context, cited and paid for to the
 * nano-unit; with the knowledge base hung or killed chats go on, marked, and others do not notice.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { formatNanos } from "@tandem/libs/kernel";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { openProduct, type Product } from "./product.ts";

let product: Product;

before(async () => {
  product = await openProduct();
});
after(() => product.close());

const services = ["business-services-1", "business-services-2"];
const question = "What does the code WND-4711 of the wanderer mean?";
const on = { x_tandem: { articles: true } };

function chat(part: object = {}): Promise<HttpAnswer> {
  return httpRequest(`tcp:127.0.0.1:${product.port}`, {
    method: "POST",
    path: "/v1/chat/completions",
    headers: { authorization: `Bearer ${product.tandem.apiKey}` },
    body: {
      ...{ model: "mock-1", max_tokens: 20, messages: [{ role: "user", content: question }] },
      ...part,
    },
  });
}

async function until(what: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_cache_hit_tokens?: number;
  readonly x_tandem: {
    readonly cost: string;
    readonly citations?: readonly Readonly<Record<string, unknown>>[];
  };
}

const usageIn = (answer: HttpAnswer): Usage => (answer.json as { usage: Usage }).usage;

describe("articles in chats, through the public door", () => {
  let articleId = "";

  test("an article published is cited, recorded, and paid for to the nano-unit", async () => {
    const text = "The code WND-4711 means that the wanderer has lost the saddle.";
    const article = await product.manage("POST", "/articles", {
      ...{ title: "Codes", body: `# Codes\n\n${text}`, publish: true },
    });
    articleId = String(article["id"]);
    const plain = await chat();
    assert.equal(plain.status, 200, plain.text);
    assert.equal(usageIn(plain).x_tandem.citations, undefined);
    const answer = await chat(on);
    assert.equal(answer.status, 200, answer.text);
    const usage = usageIn(answer);
    assert.deepEqual(
      usage.x_tandem.citations?.map((one) => [one["number"], one["article_id"], one["title"]]),
      [[1, articleId, "Codes"]],
    );
    assert.equal(answer.headers["x-tandem-articles"], `${articleId}@1`);
    const sent = product.engine.calls.at(-1)?.body as { messages: { content: string }[] };
    assert.ok(sent.messages[0]?.content.includes(text));
    assert.ok(usage.prompt_tokens > usageIn(plain).prompt_tokens + 20, "context is prompt");
    const id = String(answer.headers["x-request-id"]);
    let record: Record<string, unknown> = {};
    await until(async () => {
      record = await product.manage("GET", `/requests/${id}`).catch(() => ({}));
      return record["id"] === id;
    });
    assert.deepEqual(record["articles"], [`${articleId}@1`]);
    const cached = usage.prompt_cache_hit_tokens ?? 0;
    assert.equal(cached, 0);
    const nanos = BigInt(usage.prompt_tokens * 1_000 + usage.completion_tokens * 2_000);
    assert.equal(usage.x_tandem.cost, formatNanos(nanos));
    assert.deepEqual(record["charged"], { amount: usage.x_tandem.cost, currency: "USD" });
    const ledger = await product.manage("GET", "/ledger/verify");
    assert.deepEqual([ledger["ok"], ledger["sum_nanos"]], [true, "0"]);
  });

  test("a stream cites in its last chunk", async () => {
    const answer = await chat({ ...on, stream: true });
    const events = answer.text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const last = JSON.parse(events.at(-1)?.slice(6) ?? "{}") as { usage: Usage };
    assert.equal(last.usage.x_tandem.citations?.[0]?.["article_id"], articleId);
  });

  test("hung, chats go on without, marked; killed, too; and cite again when it is back", async () => {
    for (const name of services) await product.tandem.kill(name, "SIGSTOP");
    const startedMs = performance.now();
    const hung = await chat(on);
    assert.equal(hung.status, 200, hung.text);
    assert.equal(hung.headers["x-tandem-degraded"], "articles");
    assert.equal(usageIn(hung).x_tandem.citations, undefined);
    assert.ok(performance.now() - startedMs < 5_000, "within its patience and what a chat takes");
    const ordinary = await chat();
    assert.equal(ordinary.status, 200);
    assert.equal(ordinary.headers["x-tandem-degraded"], undefined);
    for (const name of services) await product.tandem.kill(name, "SIGKILL");
    const killed = await chat({ ...on, stream: true });
    assert.equal(killed.status, 200, killed.text);
    assert.ok(killed.text.endsWith("data: [DONE]\n\n"));
    await until(async () => (await chat(on)).headers["x-tandem-articles"] !== undefined);
  });
});
