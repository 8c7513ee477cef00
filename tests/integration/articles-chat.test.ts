/**
 * An article published through the public door is in a chat's context, cited and paid for to the
 * nano-unit; with the knowledge base hung or killed chats go on, marked, and others do not notice.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { formatNanos } from "@tandem/libs/kernel";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { mockModel, openProduct, type Product, price } from "./product.ts";

let product: Product;

before(async () => {
  const quotes = {
    ...{ id: "tandem-extractive", price, capabilities: ["chat"] },
    targets: [{ upstream: "articles", model: "extractive" }],
  };
  product = await openProduct({ settings: { models: { models: [quotes, mockModel] } } });
});
after(() => product.close());

const services = ["business-services-1", "business-services-2"];
const question = "What does the code WND-4711 of the wanderer mean?";
const on = { x_tandem: { articles: true } };

function chat(part: object = {}, key = product.tandem.apiKey): Promise<HttpAnswer> {
  return httpRequest(`tcp:127.0.0.1:${product.port}`, {
    method: "POST",
    path: "/v1/chat/completions",
    headers: { authorization: `Bearer ${key}` },
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

  test("a model of articles alone quotes them, by the key's project, billed to the nano-unit", async () => {
    const model = "tandem-extractive";
    const contentOf = (answer: HttpAnswer): string => {
      assert.equal(answer.status, 200, answer.text);
      const { choices } = answer.json as { choices: { message: { content: string } }[] };
      return choices[0]?.message.content ?? "";
    };
    const answer = await chat({ model });
    assert.match(contentOf(answer), /the wanderer has lost the saddle\. \[1\]/);
    const usage = usageIn(answer);
    assert.equal(usage.x_tandem.citations?.[0]?.["article_id"], articleId);
    const nanos = BigInt(usage.prompt_tokens * 1_000 + usage.completion_tokens * 2_000);
    assert.equal(usage.x_tandem.cost, formatNanos(nanos));
    const streamed = await chat({ model, stream: true });
    assert.ok(streamed.text.includes("lost the saddle") && streamed.text.endsWith("[DONE]\n\n"));
    const keyOf = async (name: string) => {
      const project = await product.manage("POST", "/projects", { name });
      const key = await product.manage("POST", "/keys", { name, project_id: project["id"] });
      return { project: project["id"], secret: String(key["secret"]) };
    };
    const [inside, outside] = [await keyOf("inside"), await keyOf("outside")];
    await product.manage("POST", "/articles", {
      ...{ title: "Secret", body: "The code QRX-9 opens the shed.", publish: true },
      project_ids: [inside.project],
    });
    const messages = [{ role: "user", content: "What does the code QRX-9 open?" }];
    assert.match(contentOf(await chat({ model, messages }, inside.secret)), /opens the shed/);
    assert.doesNotMatch(contentOf(await chat({ model, messages }, outside.secret)), /shed/);
    const wallet = await product.manage("GET", "/ledger/verify");
    assert.equal(wallet["ok"], true);
    const unnamed = await product.manage("GET", "/models");
    assert.equal(unnamed["default_model"], "mock-1", "nobody means it who names none");
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
    const model = "tandem-extractive";
    assert.equal((await chat({ model })).status, 503, "and nothing is made up");
    await until(async () => (await chat(on)).headers["x-tandem-articles"] !== undefined);
    await until(async () => (await chat({ model })).status === 200);
  });
});
