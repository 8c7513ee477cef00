import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import {
  type ArticlesHouse,
  asEditor,
  asKey,
  projectA,
  projectB,
} from "../articles-house.suite.ts";

const organisationId = "org_attachments";
const editor = asEditor(organisationId);

export function attachmentSuite(house: () => ArticlesHouse): void {
  describe("attachments", () => {
    test("are searched with their published article, replaced by name, and gone when deleted", async () => {
      const { first, second } = house();
      const article = await first.createArticle(
        { organisationId, title: "Price list", language: "en", body: "See the table." },
        editor,
      );
      const place = { organisationId, articleId: article.id };
      const put = (content: string) =>
        first.putAttachment({ ...place, name: "p.csv", mediaType: "text/csv", content }, editor);
      const find = async (query: string) => {
        const { hits } = await second.search({ organisationId, query }, asKey(organisationId));
        return hits.filter(({ text }) => text.includes(query)).map(({ attachment }) => attachment);
      };
      const made = await put("sku,price\nVELO-77,12.50");
      assert.deepEqual(await find("VELO-77"), [], "its article is a draft");
      await first.publishArticle({ organisationId, id: article.id }, editor);
      assert.deepEqual(await find("VELO-77"), ["p.csv"]);
      assert.equal((await put("sku,price\nVELO-88,13.50")).id, made.id);
      assert.deepEqual(await find("VELO-77"), []);
      assert.deepEqual(await find("VELO-88"), ["p.csv"]);
      const read = await second.getAttachment({ ...place, id: made.id }, asKey(organisationId));
      assert.equal(read.content, "sku,price\nVELO-88,13.50");
      const { attachments } = await first.listAttachments(place, editor);
      assert.deepEqual(
        attachments.map(({ name, content, sizeBytes }) => [name, content, sizeBytes]),
        [["p.csv", "", 23]],
      );
      await first.deleteAttachment({ ...place, id: made.id }, editor);
      assert.deepEqual(await find("VELO-88"), []);
      const gone = first.deleteAttachment({ ...place, id: made.id }, editor);
      assert.equal(await refusalOf(gone), "articles.attachment_not_found");
    });

    test("are read by who may read the article, and by nobody else", async () => {
      const { first } = house();
      const article = await first.createArticle(
        {
          ...{ organisationId, title: "For B", language: "en", body: "b", publish: true },
          projectIds: [projectB],
        },
        editor,
      );
      const place = { organisationId, articleId: article.id };
      const text = { name: "a.txt", mediaType: "text/plain", content: "secret of B" };
      const { id } = await first.putAttachment({ ...place, ...text }, editor);
      const ofA = asKey(organisationId, projectA);
      for (const call of [
        () => first.listAttachments(place, ofA),
        () => first.getAttachment({ ...place, id }, ofA),
      ]) {
        assert.equal(await refusalOf(call()), "articles.article_not_found");
      }
      const ofB = await first.getAttachment({ ...place, id }, asKey(organisationId, projectB));
      assert.equal(ofB.content, "secret of B");
    });

    test("what is no text, too long or one too many is refused", async () => {
      const { first } = house();
      const { id } = await first.createArticle(
        { organisationId, title: "Full", language: "en", body: "x" },
        editor,
      );
      const put = (part: object) =>
        refusalOf(
          first.putAttachment(
            {
              ...{ organisationId, articleId: id, name: "n.txt", mediaType: "text/plain" },
              ...{ content: "x", ...part },
            },
            editor,
          ),
        );
      for (const part of [
        { mediaType: "image/png" },
        { name: "../x" },
        { name: "" },
        { content: "" },
        { content: "x".repeat(512 * 1024 + 1) },
      ]) {
        assert.equal(await put(part), "articles.malformed");
      }
      for (let count = 0; count < 20; count += 1) {
        assert.equal(await put({ name: `${count}.txt` }), "none");
      }
      assert.equal(await put({ name: "one-more.txt" }), "articles.attachments_full");
      assert.equal(await put({ name: "1.txt", content: "replaced" }), "none");
    });
  });
}
