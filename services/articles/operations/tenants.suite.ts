import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import fc from "fast-check";
import {
  type ArticlesHouse,
  asEditor,
  asKey,
  asViewer,
  projectA,
  projectB,
  until,
} from "../articles-house.suite.ts";
import { mayRead } from "../core/visibility.ts";

interface Kept {
  readonly organisationId: string;
  projectIds: readonly string[];
  isPublished: boolean;
}

const organisations = ["org_t1", "org_t2"] as const;
const projects = [[], [projectA], [projectB], [projectA, projectB]] as const;

/** One thing that an editor does to one of the articles. */
const step = fc.record({
  organisation: fc.constantFrom(...organisations),
  article: fc.nat({ max: 3 }),
  act: fc.constantFrom("publish", "unpublish", "share", "rewrite", "attach"),
  share: fc.constantFrom(...projects),
});

export function tenantSuite(house: () => ArticlesHouse): void {
  describe("tenants and permissions", () => {
    test("no passage ever crosses a tenant, a project or a publication, whatever is done", async () => {
      const { first, second } = house();
      const kept = new Map<string, Kept>();
      const ids = new Map<string, string>();
      for (const organisationId of organisations) {
        for (let index = 0; index < 4; index += 1) {
          const { id } = await first.createArticle(
            {
              ...{ organisationId, title: `Common ${index}`, language: "en" },
              body: "The common secret of the riders, code COMMON-1.",
            },
            asEditor(organisationId),
          );
          kept.set(id, { organisationId, projectIds: [], isPublished: false });
          ids.set(`${organisationId} ${index}`, id);
        }
      }
      const carryOut = async (given: { organisation: string; article: number } & Act) => {
        const { organisation: organisationId, article, act, share } = given;
        const id = ids.get(`${organisationId} ${article}`) ?? "";
        const state = kept.get(id);
        if (state === undefined) return;
        await change(first, { organisationId, id, act, share });
        if (act === "publish") state.isPublished = true;
        if (act === "unpublish") state.isPublished = false;
        if (act === "share") state.projectIds = share;
      };
      const check = async () => {
        for (const organisationId of organisations) {
          for (const projectId of [projectA, projectB, ""]) {
            const expected = [...kept]
              .filter(([, article]) => mayRead(article, { organisationId, projectId }))
              .map(([id]) => id);
            const reader =
              projectId === "" ? asViewer(organisationId) : asKey(organisationId, projectId);
            await checkReader(second, { organisationId, reader, expected });
          }
        }
      };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
          for (const one of steps) await carryOut(one);
          await check();
        }),
        { numRuns: 12 },
      );
    });

    test("another organisation does not exist, whatever is asked for", async () => {
      const { first } = house();
      const own = "org_t1";
      const foreign = asEditor("org_t2");
      const made = await first.createArticle(
        { organisationId: own, title: "Own", language: "en", body: "x", publish: true },
        asEditor(own),
      );
      const { id } = made;
      const place = { organisationId: own, id };
      const articleId = id;
      const inside = { organisationId: own, articleId };
      const text = { name: "a", mediaType: "text/plain", content: "x" };
      for (const [call, reason] of [
        [() => first.getArticle(place, foreign), "articles.article_not_found"],
        [
          () => first.getArticle({ organisationId: "org_t2", id }, foreign),
          "articles.article_not_found",
        ],
        [() => first.updateArticle({ ...place, body: "y" }, foreign), "articles.article_not_found"],
        [() => first.deleteArticle(place, foreign), "articles.article_not_found"],
        [
          () => first.deleteArticle({ organisationId: "org_t2", id }, foreign),
          "articles.article_not_found",
        ],
        [() => first.publishArticle(place, foreign), "articles.article_not_found"],
        [() => first.unpublishArticle(place, foreign), "articles.article_not_found"],
        [() => first.listVersions(inside, foreign), "articles.article_not_found"],
        [() => first.getVersion({ ...inside, number: 1 }, foreign), "articles.article_not_found"],
        [() => first.putAttachment({ ...inside, ...text }, foreign), "articles.article_not_found"],
        [() => first.listAttachments(inside, foreign), "articles.article_not_found"],
        [
          () => first.listArticles({ organisationId: own }, foreign),
          "articles.organisation_not_found",
        ],
        [
          () => first.search({ organisationId: own, query: "x" }, foreign),
          "articles.organisation_not_found",
        ],
        [
          () => first.retrieve({ organisationId: own, query: "x" }, foreign),
          "articles.organisation_not_found",
        ],
        [
          () => first.importArticles({ organisationId: own, files: [] }, foreign),
          "articles.organisation_not_found",
        ],
        [() => first.listArticles({ organisationId: own }), "articles.organisation_not_found"],
        [() => first.search({ organisationId: "", query: "x" }), "articles.organisation_not_found"],
      ] as const) {
        assert.equal(await refusalOf(call()), reason);
      }
    });

    test("a key finds its own project's articles only; a writer may look with any project's eyes", async () => {
      const { first } = house();
      const organisationId = "org_eyes";
      await first.createArticle(
        {
          ...{
            organisationId,
            title: "B",
            language: "en",
            body: "The pelican of B.",
            publish: true,
          },
          projectIds: [projectB],
        },
        asEditor(organisationId),
      );
      const ask = { organisationId, query: "pelican", mode: "lexical" };
      const { hits } = await first.search(
        { ...ask, projectId: projectB },
        asEditor(organisationId),
      );
      assert.equal(hits.length, 1);
      assert.equal((await first.search(ask, asEditor(organisationId))).hits.length, 0);
      const peek = first.search({ ...ask, projectId: projectB }, asKey(organisationId, projectA));
      assert.equal(await refusalOf(peek), "articles.permission_missing");
      const admin = asEditor(organisationId, {
        projectId: projectA,
        keyId: "key_2",
        scopes: ["admin"],
      });
      const retrieved = await first.retrieve({ ...ask, tokensMax: 9_000 }, admin);
      assert.deepEqual(retrieved.hits, [], "what goes into a chat is what the key's project reads");
    });
  });
}

interface Act {
  readonly act: "publish" | "unpublish" | "share" | "rewrite" | "attach";
  readonly share: readonly string[];
}

async function change(
  client: ArticlesHouse["first"],
  given: { readonly organisationId: string; readonly id: string } & Act,
): Promise<void> {
  const { organisationId, id, act, share } = given;
  const editor = asEditor(organisationId);
  const place = { organisationId, id };
  if (act === "publish") await client.publishArticle(place, editor);
  else if (act === "unpublish") await client.unpublishArticle(place, editor);
  else if (act === "share") {
    await client.updateArticle({ ...place, projectIds: { values: [...share] } }, editor);
  } else if (act === "rewrite") {
    const body = `The common secret of the riders, code COMMON-1, ${performance.now()}.`;
    await client.updateArticle({ ...place, body }, editor);
  } else {
    const content = "An attachment with the common secret COMMON-1.";
    const attachment = { name: "secret.txt", mediaType: "text/plain", content };
    await client.putAttachment({ organisationId, articleId: id, ...attachment }, editor);
  }
}

/** The other replica finds exactly what the rule says, in every mode, at once. */
async function checkReader(
  client: ArticlesHouse["second"],
  given: {
    readonly organisationId: string;
    readonly reader: ReturnType<typeof asKey>;
    readonly expected: readonly string[];
  },
): Promise<void> {
  const { organisationId, reader, expected } = given;
  const inOrder = (found: Iterable<string>): readonly string[] => [...new Set(found)].sort();
  for (const mode of ["hybrid", "lexical"]) {
    const query = "common secret COMMON-1";
    const { hits } = await client.search({ organisationId, query, mode, limit: 50 }, reader);
    assert.deepEqual(inOrder(hits.map(({ articleId }) => articleId)), inOrder(expected), mode);
  }
  const query = "common secret of the riders";
  const byMeaning = await client.search(
    { organisationId, query, mode: "vector", limit: 50 },
    reader,
  );
  // Vectors come a moment later; what they find must be among what may be found.
  for (const { articleId } of byMeaning.hits) assert.ok(expected.includes(articleId));
  const { hits } = await client.retrieve(
    { organisationId, query: "COMMON-1", tokensMax: 9_000, limit: 20 },
    reader,
  );
  for (const { articleId } of hits) assert.ok(expected.includes(articleId));
  const { articles } = await client.listArticles({ organisationId, limit: 100 }, reader);
  const listed = articles.map(({ id }) => id).filter((id) => expected.includes(id));
  assert.deepEqual(inOrder(listed), inOrder(expected));
  await until(() => true);
}
