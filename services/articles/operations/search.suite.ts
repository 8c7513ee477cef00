import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type ArticlesHouse, asEditor, asKey, until } from "../articles-house.suite.ts";

const organisationId = "org_search";
const editor = asEditor(organisationId);
const key = asKey(organisationId);

export function searchSuite(house: () => ArticlesHouse): void {
  const publish = (title: string, body: string, part: object = {}) =>
    house().first.createArticle(
      { organisationId, title, body, language: "en", publish: true, ...part },
      editor,
    );
  const find = (query: string, part: object = {}) =>
    house().second.search({ organisationId, query, ...part }, key);
  const isEmbedded = async (id: string): Promise<boolean> => {
    const article = await house().first.getArticle({ organisationId, id }, editor);
    return article.chunks > 0 && article.embeddedChunks === article.chunks;
  };

  describe("search", () => {
    test("by meaning, once the passages have their vectors; by words before", async () => {
      const { encoder } = house();
      encoder.state = "refuses";
      const article = await publish("Vehicles", "How to buy a car.\n\n## Boats\n\nA boat floats.");
      const early = await find("car");
      assert.equal(early.hits[0]?.articleId, article.id);
      assert.deepEqual([early.degraded, early.vectorScope], [["embeddings"], "none"]);
      assert.deepEqual((await find("automobile")).hits, [], "no word of it is there");
      encoder.state = "up";
      await until(() => isEmbedded(article.id));
      await until(async () => (await find("automobile purchase")).hits.length > 0);
      const late = await find("automobile purchase");
      assert.equal(late.hits[0]?.articleId, article.id);
      assert.match(late.hits[0]?.text ?? "", /buy a car/);
      assert.deepEqual([late.degraded, late.vectorScope], [[], "all"]);
    });

    test("a term asked for to the letter is found above what only sounds like it", async () => {
      for (let count = 0; count < 6; count += 1) {
        await publish(`Errors ${count}`, "An error happens when the quota of a key is exhausted.");
      }
      const exact = await publish("Codes", "Code `quota.exhausted_E1042`: the lease ran out.");
      const { hits } = await find("what does error quota.exhausted_E1042 of a key mean");
      assert.equal(hits[0]?.articleId, exact.id);
      assert.deepEqual(hits[0]?.exactTerms, ["quota.exhausted_e1042"]);
    });

    test("each language by its own rules, also where words have no blanks", async () => {
      const french = await publish("Vélos", "Les cyclistes pédalaient.", { language: "fr" });
      const chinese = await publish("自行车", "如何重置密码？请打开设置页面。", {
        language: "zh-Hans",
      });
      const stem = await find("cycliste pédaler", { mode: "lexical" });
      assert.equal(stem.hits[0]?.articleId, french.id);
      const words = await find("重置密码", { mode: "lexical" });
      assert.equal(words.hits[0]?.articleId, chinese.id);
      const english = await find("cycliste", { language: "en", mode: "lexical" });
      assert.deepEqual(english.hits, []);
    });

    test("an encoder that hangs or lies costs its patience once, and never an answer", async () => {
      const { encoder } = house();
      for (const state of ["hangs", "lies", "away"] as const) {
        encoder.state = state;
        const first = await find(`boat that floats, ${state}`);
        assert.ok(first.hits.length > 0);
        assert.deepEqual(first.degraded, ["embeddings"]);
        const startedMs = performance.now();
        assert.ok((await find(`boat again, ${state}`)).hits.length > 0);
        assert.ok(performance.now() - startedMs < 290, "not waited for again");
        encoder.state = "up";
        await until(async () => (await find(`a boat, ${state} no more`)).degraded.length === 0);
      }
    });

    test("retrieval gives a numbered context within its tokens, and nothing for idle talk", async () => {
      const article = await publish(
        "Refunds",
        "A refund of an order is possible within fourteen days of payment.",
      );
      await until(() => isEmbedded(article.id));
      const { second } = house();
      const ask = (query: string, tokensMax = 1_000) =>
        second.retrieve({ organisationId, query, tokensMax, limit: 3 }, key);
      await until(
        async () => (await ask("refund of an order within fourteen days")).hits.length > 0,
      );
      const found = await ask("refund of an order within fourteen days");
      assert.match(found.context, /\[1\] Refunds\n"""\nA refund of an order/);
      assert.equal(found.hits[0]?.articleId, article.id);
      assert.equal(found.hits[0]?.articleVersion, 1);
      const small = await ask("refund of an order within fourteen days", 60);
      assert.deepEqual([small.context, small.hits], ["", []]);
      const idle = await ask("hello there, lovely weather today");
      assert.deepEqual([idle.context, idle.hits], ["", []]);
    });

    test("an answer quotes what stands there, or says nothing", async () => {
      const { second } = house();
      const request = { organisationId, query: "refund of an order within fourteen days" };
      const found = await second.answer(request, key);
      const [quote] = found.quotes;
      assert.equal(
        quote?.text,
        "A refund of an order is possible within fourteen days of payment.",
      );
      assert.equal(found.hits[(quote?.hit ?? 0) - 1]?.title, "Refunds");
      const none = await second.answer({ organisationId, query: "hello lovely weather" }, key);
      assert.deepEqual(none.quotes, []);
    });

    test("what is no question is refused", async () => {
      for (const part of [
        { query: " " },
        { query: "x".repeat(2_001) },
        { language: "English!" },
        { mode: "best" },
      ]) {
        assert.equal(await refusalOf(find("x", part)), "articles.malformed");
      }
      for (const query of ["'", "\\", "a & | ! :* <-> 'b", '"', "%_", "--", "((", "\u{1F600}"]) {
        assert.equal(await refusalOf(find(query)), "none", query);
      }
    });
  });
}
