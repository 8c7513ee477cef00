import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import {
  type ArticlesHouse,
  asEditor,
  asKey,
  asViewer,
  projectA,
  projectB,
  until,
} from "../articles-house.suite.ts";

const organisationId = "org_articles";
const editor = asEditor(organisationId);

export function articleSuite(house: () => ArticlesHouse): void {
  const create = (part: object = {}) =>
    house().first.createArticle(
      { organisationId, title: "Two riders", language: "en", body: "One machine.", ...part },
      editor,
    );

  describe("articles and their versions", () => {
    test("made once for an idempotency key, even by many at once", async () => {
      const { first, second } = house();
      const request = {
        ...{ organisationId, title: " Once  only ", language: "en", body: "x" },
        idempotencyKey: "same",
      };
      const made = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 ? first : second).createArticle(request, editor),
        ),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 1);
      assert.equal(made[0]?.title, "Once only");
      assert.equal(made[0]?.state, "draft");
    });

    test("a draft is nobody's but the writers'; published it is everybody's", async () => {
      const { first, second } = house();
      const { id } = await create({ title: "Draft first" });
      const read = { organisationId, id };
      assert.equal(await refusalOf(first.getArticle(read, asKey(organisationId))), notFound);
      const published = await first.publishArticle({ ...read, expectedVersion: 1n }, editor);
      assert.deepEqual(
        [published.state, published.version, published.chunks],
        ["published", 2n, 1],
      );
      const seen = await second.getArticle(read, asViewer(organisationId));
      assert.equal(seen.body, "One machine.");
      const taken = await first.unpublishArticle({ ...read, expectedVersion: 2n }, editor);
      assert.deepEqual([taken.state, taken.chunks], ["draft", 0]);
      assert.equal(await refusalOf(second.getArticle(read, asKey(organisationId))), notFound);
    });

    test("readers see what is published, writers the newest; an older version comes back", async () => {
      const { first } = house();
      const { id } = await create({ publish: true, body: "First text." });
      const read = { organisationId, id };
      const changed = await first.updateArticle(
        { ...read, body: "Second text.", title: "Renamed", expectedVersion: 2n },
        editor,
      );
      assert.deepEqual(
        [changed.state, changed.latestVersion, changed.publishedVersion],
        ["changed", 2, 1],
      );
      const reader = await first.getArticle(read, asKey(organisationId));
      assert.deepEqual(
        [reader.title, reader.body, reader.latestVersion],
        ["Two riders", "First text.", 1],
      );
      const forWriter = await first.getArticle({ ...read, published: true }, editor);
      assert.equal(forWriter.body, "First text.");
      await first.publishArticle(read, editor);
      const back = await first.publishArticle({ ...read, number: 1 }, editor);
      assert.deepEqual([back.publishedVersion, back.state], [1, "changed"]);
      const { versions } = await first.listVersions({ organisationId, articleId: id }, editor);
      assert.deepEqual(
        versions.map(({ number, published, author }) => [number, published, author]),
        [
          [2, false, "usr_editor"],
          [1, true, "usr_editor"],
        ],
      );
      const version = { organisationId, articleId: id, number: 2 };
      assert.equal((await first.getVersion(version, editor)).body, "Second text.");
      const none = first.getVersion({ ...version, number: 9 }, editor);
      assert.equal(await refusalOf(none), "articles.version_not_found");
      const missing = first.publishArticle({ ...read, number: 9 }, editor);
      assert.equal(await refusalOf(missing), "articles.version_not_found");
    });

    test("of two changes made from one version the second is refused; a same one is none", async () => {
      const { first, second } = house();
      const { id } = await create();
      const rewrite = (client: typeof first, body: string) =>
        refusalOf(client.updateArticle({ organisationId, id, body, expectedVersion: 1n }, editor));
      const answers = await Promise.all([rewrite(first, "one"), rewrite(second, "two")]);
      assert.deepEqual(new Set(answers), new Set(["none", "articles.version_mismatch"]));
      const { body } = await first.getArticle({ organisationId, id }, editor);
      const again = await first.updateArticle({ organisationId, id, body }, editor);
      assert.equal(again.version, 2n);
      const stale = { organisationId, id, expectedVersion: 1n };
      for (const call of [
        () => first.deleteArticle(stale, editor),
        () => first.publishArticle(stale, editor),
      ]) {
        assert.equal(await refusalOf(call()), "articles.version_mismatch");
      }
    });

    test("a deleted article is gone with everything", async () => {
      const { first, second } = house();
      const { id } = await create({ publish: true, body: "ephemeral zebra" });
      await first.deleteArticle({ organisationId, id }, editor);
      assert.equal(await refusalOf(second.getArticle({ organisationId, id }, editor)), notFound);
      const again = first.deleteArticle({ organisationId, id }, editor);
      assert.equal(await refusalOf(again), notFound);
      const found = await second.search({ organisationId, query: "ephemeral zebra" }, editor);
      assert.ok(!found.hits.some(({ articleId }) => articleId === id));
    });

    test("lists come newest first, in pages, each to its reader", async () => {
      const own = "org_list";
      const make = (title: string, part: object = {}) =>
        house().first.createArticle(
          { organisationId: own, title, language: "en", body: "x", publish: true, ...part },
          asEditor(own),
        );
      const all = await make("for all", { tags: ["guide"] });
      await make("for A", { projectIds: [projectA] });
      await make("for B", { projectIds: [projectB], language: "fr" });
      await make("a draft", { publish: false });
      const { first } = house();
      const titles = async (request: object, options: Parameters<typeof first.listArticles>[1]) =>
        (await first.listArticles({ organisationId: own, ...request }, options)).articles.map(
          ({ title }) => title,
        );
      const asOwn = asEditor(own);
      assert.deepEqual(await titles({}, asOwn), ["a draft", "for B", "for A", "for all"]);
      assert.deepEqual(await titles({}, asKey(own)), ["for A", "for all"]);
      assert.deepEqual(await titles({}, asViewer(own)), ["for all"]);
      assert.deepEqual(await titles({ state: "draft" }, asOwn), ["a draft"]);
      assert.deepEqual(await titles({ state: "draft" }, asKey(own)), ["for A", "for all"]);
      assert.deepEqual(await titles({ language: "fr" }, asOwn), ["for B"]);
      assert.deepEqual(await titles({ tag: "guide" }, asOwn), ["for all"]);
      assert.deepEqual(await titles({ projectId: projectB }, asOwn), ["for B"]);
      const page = await first.listArticles({ organisationId: own, limit: 3 }, asOwn);
      assert.ok(page.hasMore && page.articles.every(({ body }) => body === ""));
      const after = page.articles.at(-1)?.id ?? "";
      assert.deepEqual(await titles({ limit: 3, after }, asOwn), ["for all"]);
      const reader = await first.getArticle({ organisationId: own, id: all.id }, asKey(own));
      assert.deepEqual(reader.projectIds, []);
    });

    test("what is no article is refused with the reason, and changes nothing", async () => {
      const { first } = house();
      const wrong: readonly object[] = [
        { title: "" },
        { title: "x".repeat(201) },
        { language: "english" },
        { tags: ["a", "a"] },
        { tags: ["\u0007"] },
        { projectIds: ["prj_1"] },
        { body: "x".repeat(512 * 1024 + 1) },
        { body: "nul \0" },
      ];
      const before = await first.listArticles({ organisationId, limit: 100 }, editor);
      for (const part of wrong) {
        const text = JSON.stringify(part).slice(0, 80);
        assert.equal(await refusalOf(create(part)), "articles.malformed", text);
      }
      const after = await first.listArticles({ organisationId, limit: 100 }, editor);
      assert.equal(after.articles.length, before.articles.length);
    });

    test("who may only read changes nothing; the audit log is told of every change", async () => {
      const { first, told } = house();
      const { id } = await create({ publish: true });
      const place = { organisationId, id };
      for (const reader of [asKey(organisationId), asViewer(organisationId)]) {
        for (const call of [
          () => first.createArticle({ organisationId, title: "x", language: "en" }, reader),
          () => first.updateArticle({ ...place, body: "y" }, reader),
          () => first.publishArticle(place, reader),
          () => first.unpublishArticle(place, reader),
          () => first.deleteArticle(place, reader),
          () => first.importArticles({ organisationId, files: [] }, reader),
          () => first.putRule({ rule: { organisationId, projectId: projectA, limit: 1 } }, reader),
        ]) {
          assert.equal(await refusalOf(call()), "articles.permission_missing");
        }
      }
      await first.deleteArticle(place, editor);
      for (const action of ["created", "published", "updated", "unpublished", "deleted"]) {
        await until(() => told.includes(`article.${action}`));
      }
    });
  });
}

const notFound = "articles.article_not_found";
