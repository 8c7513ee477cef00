import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { countTokens } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

const context = "Passages follow.\n\n[1] Refunds\nWithin fourteen days.";
const article = `art_${"a".repeat(26)}`;
const found = {
  context,
  hits: [
    { chunkId: "chk_1", articleId: article, articleVersion: 3, title: "Refunds", score: 0.71234 },
    {
      ...{ chunkId: "chk_2", articleId: article, articleVersion: 3, title: "Refunds" },
      ...{ headings: ["How"], attachment: "a.csv", score: 0.5 },
    },
  ],
};

const answered = {
  quotes: [
    { text: "It returns within five days.", hit: 2, score: 0.8 },
    { text: "Within fourteen days.", hit: 1, score: 0.7 },
    { text: "To the same card.", hit: 2, score: 0.6 },
  ],
  hits: found.hits,
};

before(async () => {
  bench = await openBench({ settings: { articles: { patienceMs: "150ms" } } });
});
after(() => bench.close());
beforeEach(() => {
  const { articles } = bench.platform;
  articles.found = found;
  articles.hangs = false;
  articles.asked.length = 0;
  articles.answered = answered;
  articles.questions.length = 0;
});

const on = { x_tandem: { articles: true } };

interface Message {
  readonly role: string;
  readonly content: string;
}

/** What the engine was sent last. */
function lastSent(): { readonly messages: readonly Message[]; readonly x_tandem?: unknown } {
  const calls = [...bench.first.calls, ...bench.second.calls];
  const last = calls.filter(({ path }) => path.endsWith("/chat/completions")).at(-1);
  return last?.body as ReturnType<typeof lastSent>;
}

function citationsIn(usage: unknown): readonly Record<string, unknown>[] {
  const { x_tandem: extension } = usage as {
    x_tandem: { citations: readonly Record<string, unknown>[] };
  };
  return extension.citations;
}

describe("articles in a chat's context", () => {
  test("are asked for with the user's words, put first, cited, recorded, and paid for", async () => {
    const { articles, quota, records } = bench.platform;
    const { content } = freshPrompt();
    const answer = await bench.chat(content, on);
    assert.equal(answer.status, 200, answer.text);
    const [asked] = articles.asked;
    assert.deepEqual([asked?.organisationId, asked?.projectId], ["org_main", "prj_1"]);
    assert.equal(asked?.query, content);
    assert.ok((asked?.tokensMax ?? 0) >= 2_000);
    const sent = lastSent();
    assert.deepEqual(sent.messages, [
      { role: "system", content: context },
      { role: "user", content },
    ]);
    assert.equal(sent.x_tandem, undefined, "what is ours goes no further");
    const { usage } = answer.json as { usage: Record<string, number> };
    assert.ok((usage["prompt_tokens"] ?? 0) >= countTokens(context));
    assert.deepEqual(citationsIn(usage), [
      {
        ...{ number: 1, article_id: article, article_version: 3, passage_id: "chk_1" },
        ...{ title: "Refunds", headings: [], score: 0.712 },
      },
      {
        ...{ number: 2, article_id: article, article_version: 3, passage_id: "chk_2" },
        ...{ title: "Refunds", headings: ["How"], attachment: "a.csv", score: 0.5 },
      },
    ]);
    assert.equal(answer.headers["x-tandem-articles"], `${article}@3`);
    const id = String(answer.headers["x-request-id"]);
    await until(() => quota.ledger.has(id) && records.some(({ requestId }) => requestId === id));
    const settled = quota.ledger.get(id);
    assert.ok((settled?.chargedNanos ?? 0n) <= (settled?.reservedNanos ?? 0n));
    const record = records.find(({ requestId }) => requestId === id);
    assert.deepEqual(record?.articles, [`${article}@3`]);
    const line = bench.platform.house.logLines.find((one) => one["request_id"] === id);
    assert.deepEqual(line?.["articles"], [`${article}@3`]);
  });

  test("are cited in a stream's last chunk, and before its first in a field", async () => {
    const answer = await bench.chat(freshPrompt().content, { ...on, stream: true });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["x-tandem-articles"], `${article}@3`);
    const events = answer.text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const last = JSON.parse(events.at(-1)?.slice(6) ?? "") as { usage: unknown };
    assert.equal(citationsIn(last.usage).length, 2);
    assert.ok(answer.text.endsWith("data: [DONE]\n\n"));
  });

  test("join a system message that is there, whatever its form; a field asks as well", async () => {
    const { content } = freshPrompt();
    const user = { role: "user", content };
    const ask = (system: object) =>
      bench.post(
        "/v1/chat/completions",
        { model: "free", messages: [system, user] },
        { "x-tandem-articles": "on" },
      );
    await ask({ role: "system", content: "Be brief." });
    assert.deepEqual(lastSent().messages[0], {
      role: "system",
      content: `Be brief.\n\n${context}`,
    });
    await ask({ role: "developer", content: [{ type: "text", text: "Be brief." }] });
    assert.deepEqual(lastSent().messages[0], {
      role: "system",
      content: [
        { type: "text", text: "Be brief." },
        { type: "text", text: context },
      ],
    });
  });

  test("come by the project's rule, for its models, unless the request says no", async () => {
    const { articles } = bench.platform;
    const rule = { organisationId: "org_main", projectId: "prj_1", limit: 4, models: ["pai*"] };
    articles.setRules([rule]);
    // The rule comes by a feed.
    let answer = await bench.chat(freshPrompt().content);
    for (let tries = 0; answer.headers["x-tandem-articles"] === undefined; tries += 1) {
      assert.ok(tries < 500, "the rule never came");
      answer = await bench.chat(freshPrompt().content);
    }
    assert.equal(articles.asked.at(-1)?.limit, 4);
    const no = await bench.chat(freshPrompt().content, { x_tandem: { articles: false } });
    assert.equal(no.headers["x-tandem-articles"], undefined);
    const other = await bench.chat(freshPrompt().content, { model: "free" });
    assert.equal(other.headers["x-tandem-articles"], undefined);
    articles.setRules([]);
    while ((await bench.chat(freshPrompt().content)).headers["x-tandem-articles"] !== undefined) {
      assert.ok(articles.asked.length < 1_000, "the rule never went");
    }
  });

  test("are asked for as the request says; what it says wrongly is refused", async () => {
    const { articles } = bench.platform;
    const wish = { query: "own question", limit: 2, language: "fr" };
    await bench.chat(freshPrompt().content, { x_tandem: { articles: wish } });
    const [asked] = articles.asked;
    assert.deepEqual([asked?.query, asked?.limit, asked?.language], ["own question", 2, "fr"]);
    for (const wrong of [
      "yes",
      1,
      [],
      { limit: 0 },
      { limit: 21 },
      { limit: "3" },
      { query: 1 },
      { query: "x".repeat(2_001) },
      { language: "French!" },
      { project_id: "prj_2" },
    ]) {
      const refused = await bench.chat("x", { x_tandem: { articles: wrong } });
      assert.equal(refused.status, 422, JSON.stringify(wrong));
      assert.equal(errorIn(refused).param, "x_tandem");
    }
    const field = await bench.chat("x", {}, { "x-tandem-articles": "maybe" });
    assert.equal(field.status, 422);
    assert.equal(articles.asked.length, 1);
  });

  test("nothing worth it leaves the prompt as it was, unmarked; nothing is kept in the cache", async () => {
    const { articles } = bench.platform;
    articles.found = undefined;
    const { content } = freshPrompt();
    const plain = await bench.chat(content, on);
    assert.deepEqual(lastSent().messages, [{ role: "user", content }]);
    assert.equal(plain.headers["x-tandem-articles"], undefined);
    assert.equal(plain.headers["x-tandem-degraded"], undefined);
    const again = { ...on, temperature: 0 };
    await bench.chat(content, again);
    const second = await bench.chat(content, again);
    assert.equal(second.headers["x-tandem-cache"], "bypass");
  });

  test("a service that hangs or is gone costs its patience once; the chat goes on, marked", async () => {
    const { articles } = bench.platform;
    articles.hangs = true;
    const { content, expected } = freshPrompt();
    const marked = await bench.chat(content, on);
    assert.equal(marked.status, 200, marked.text);
    assert.ok(marked.text.includes(JSON.stringify(expected).slice(1, -1)));
    assert.equal(marked.headers["x-tandem-degraded"], "articles");
    assert.equal(articles.asked.length, 1);
    const next = await bench.chat(freshPrompt().content, on);
    assert.equal(next.headers["x-tandem-degraded"], "articles");
    assert.equal(articles.asked.length, 1, "not waited for again");
    await bench.platform.stopOne("articles");
    const gone = await bench.chat(freshPrompt().content, { ...on, stream: true });
    assert.equal(gone.status, 200);
    assert.equal(gone.headers["x-tandem-degraded"], "articles");
    const ordinary = await bench.chat(freshPrompt().content);
    assert.equal(ordinary.headers["x-tandem-degraded"], undefined, "who wants none is not told");
    articles.hangs = false;
    await bench.platform.startOne("articles");
    let back = await bench.chat(freshPrompt().content, on);
    for (let tries = 0; back.headers["x-tandem-articles"] === undefined; tries += 1) {
      assert.ok(tries < 2_000, "they never came back");
      back = await bench.chat(freshPrompt().content, on);
    }
  });

  test("money is held for the longer prompt; where there is none, nothing is asked", async () => {
    const long = { context: "word ".repeat(20_000), hits: found.hits };
    bench.platform.articles.found = long;
    const poor = bench.platform.addKey({ organisationId: "org_poor_reader" }, 30_000_000n);
    const calls = bench.first.calls.length + bench.second.calls.length;
    const part = { ...on, max_tokens: 8 };
    const refused = await bench.chat("x", part, { authorization: `Bearer ${poor}` });
    assert.equal(refused.status, 402, refused.text);
    assert.equal(bench.first.calls.length + bench.second.calls.length, calls);
    const enough = await bench.chat("x", { ...part, max_tokens: 9 });
    assert.equal(enough.status, 200, enough.text);
  });
});

describe("a model that answers from articles alone", () => {
  const quotes = { model: "quotes" };
  const said =
    "It returns within five days. [1]\n\nWithin fourteen days. [2]\n\nTo the same card. [1]";

  test("quotes and cites them by the key's rights, and is paid for by its price", async () => {
    const { articles, quota } = bench.platform;
    const { content } = freshPrompt();
    const calls = bench.first.calls.length + bench.second.calls.length;
    const answer = await bench.chat(content, quotes);
    assert.equal(answer.status, 200, answer.text);
    const [asked] = articles.questions;
    assert.deepEqual([asked?.projectId, asked?.query], ["prj_1", content]);
    const { choices, usage, model } = answer.json as {
      readonly model: string;
      readonly choices: readonly { readonly message: { readonly content: string } }[];
      readonly usage: Readonly<Record<string, number>>;
    };
    assert.deepEqual([model, choices[0]?.message.content], ["quotes", said]);
    assert.deepEqual(
      citationsIn(usage).map((one) => [one["number"], one["passage_id"]]),
      [
        [1, "chk_2"],
        [2, "chk_1"],
      ],
    );
    assert.equal(answer.headers["x-tandem-articles"], `${article}@3`);
    assert.equal(bench.first.calls.length + bench.second.calls.length, calls, "no model is asked");
    const id = String(answer.headers["x-request-id"]);
    await until(() => quota.ledger.has(id));
    const { prompt_tokens: input = 0, completion_tokens: output = 0 } = usage;
    assert.ok(input > 0 && output > 0);
    assert.equal(quota.ledger.get(id)?.chargedNanos, BigInt(input * 1_000 + output * 2_000));
    const again = await bench.chat(content, { ...quotes, temperature: 0 });
    assert.equal(again.headers["x-tandem-cache"], "bypass", "articles change");
  });

  test("streams, keeps to the tokens it may use, and says when they say nothing", async () => {
    const streamed = await bench.chat(freshPrompt().content, { ...quotes, stream: true });
    assert.ok(streamed.text.includes(JSON.stringify(said).slice(1, -1)));
    assert.ok(streamed.text.endsWith("data: [DONE]\n\n"));
    const short = await bench.chat(freshPrompt().content, { ...quotes, max_tokens: 12 });
    const [choice] = (short.json as { choices: Record<string, unknown>[] }).choices;
    assert.equal(choice?.["finish_reason"], "length");
    assert.deepEqual(choice?.["message"], {
      role: "assistant",
      content: "It returns within five days. [1]",
    });
    bench.platform.articles.answered = undefined;
    const none = await bench.chat(freshPrompt().content, quotes);
    assert.match(none.text, /do not answer this/);
    assert.deepEqual(citationsIn((none.json as { usage: unknown }).usage), []);
  });

  test("is asked for what it can do, and is away when its articles are; nothing is charged", async () => {
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
    for (const part of [{ tools }, { n: 2 }]) {
      const refused = await bench.chat(freshPrompt().content, { ...quotes, ...part });
      assert.equal(refused.status, 400, refused.text);
    }
    await bench.platform.stopOne("articles");
    const gone = await bench.chat(freshPrompt().content, quotes);
    assert.equal(gone.status, 503, gone.text);
    assert.equal(bench.platform.quota.ledger.has(String(gone.headers["x-request-id"])), false);
    await bench.platform.startOne("articles");
  });
});
