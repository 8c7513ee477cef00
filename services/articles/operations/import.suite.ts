import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type ArticlesHouse, asEditor, asKey } from "../articles-house.suite.ts";

const organisationId = "org_import";
const editor = asEditor(organisationId);

export function importSuite(house: () => ArticlesHouse): void {
  describe("importing a folder", () => {
    const files = [
      {
        path: "guide/start.md",
        content:
          "---\ntitle: 'Getting started'\nlanguage: fr\ntags: [a, b]\n---\n# Other\nBonjour.",
      },
      { path: "guide/next.md", content: "# The next step\n\nGo on with quartzite." },
      { path: "notes-of_today.txt", content: "Plain." },
      { path: "draft.md", content: "---\ndraft: true\ntags:\n- later\n---\nNot yet." },
      { path: "picture.png", content: "?" },
      { path: "../escape.md", content: "x" },
    ];
    const send = (given: readonly { path: string; content: string }[] = files) =>
      house().first.importArticles(
        { organisationId, files: [...given], language: "en", tags: ["imported"], publish: true },
        editor,
      );

    test("each file is an article by its path; imported again only what changed is changed", async () => {
      const { first } = house();
      const { files: results } = await send();
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        ["created", "created", "created", "created", "refused", "refused"],
      );
      const [start, next, plain, draft] = await Promise.all(
        results
          .slice(0, 4)
          .map(({ articleId }) => first.getArticle({ organisationId, id: articleId }, editor)),
      );
      assert.deepEqual(
        [start?.title, start?.language, start?.tags, start?.body],
        ["Getting started", "fr", ["imported", "a", "b"], "# Other\nBonjour."],
      );
      assert.deepEqual([next?.title, next?.state], ["The next step", "published"]);
      assert.equal(plain?.title, "notes of today");
      assert.deepEqual([draft?.state, draft?.tags], ["draft", ["imported", "later"]]);

      const again = await send();
      assert.ok(again.files.slice(0, 4).every(({ outcome }) => outcome === "unchanged"));
      const changed = await send([
        { path: "guide/next.md", content: "# The next step\n\nfeldspar" },
      ]);
      assert.equal(changed.files[0]?.outcome, "updated");
      assert.equal(changed.files[0]?.articleId, next?.id);
      const key = asKey(organisationId);
      const { hits } = await first.search({ organisationId, query: "feldspar" }, key);
      assert.equal(hits[0]?.articleId, next?.id);
      const old = await first.search({ organisationId, query: "quartzite", mode: "lexical" }, key);
      assert.deepEqual(old.hits, []);
    });

    test("the same folder sent to both replicas at once is imported once", async () => {
      const { first, second } = house();
      const request = {
        organisationId,
        files: Array.from({ length: 12 }, (_, index) => ({
          path: `both/${index}.md`,
          content: `# Both ${index}\n\ntext`,
        })),
      };
      const [one, two] = await Promise.all([
        first.importArticles(request, editor),
        second.importArticles(request, editor),
      ]);
      assert.deepEqual(
        one.files.map(({ articleId }) => articleId),
        two.files.map(({ articleId }) => articleId),
      );
    });

    test("too many files are refused before anything is done", async () => {
      const many = Array.from({ length: 201 }, (_, index) => ({
        path: `m${index}.md`,
        content: "",
      }));
      assert.equal(await refusalOf(send(many)), "articles.malformed");
    });
  });
}
