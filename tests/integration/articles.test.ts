/** The knowledge base through the business gateway, on real services and a real PostgreSQL. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AccessHouse, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let made: Awaited<ReturnType<typeof setUp>>;

before(async () => {
  house = await openAccessHouse({ staleAfterMs: "500ms" });
  made = await setUp(house);
});

after(() => house.close());

type Fields = Record<string, unknown>;
const data = (value: unknown): Fields[] => (value as { data: Fields[] }).data;
const path = "/api/v1/articles";

const write = (body: object, headers: Record<string, string> = {}) =>
  house.ask({ method: "POST", path, key: made.adminKey, headers, body });

describe("articles through the gateway", () => {
  test("are made once for a key, changed from their version, published, and taken back", async () => {
    const body = { title: "Two riders", body: "One machine.", language: "en" };
    const key = { "idempotency-key": "a1" };
    const first = await write(body, key);
    assert.equal(first.status, 201, first.text);
    const again = await write(body, key);
    assert.equal(again.text, first.text);
    assert.equal(again.headers["idempotent-replayed"], "true");
    const place = `${path}/${(first.json as Fields)["id"]}`;
    const ask = (method: string, end: string, given: object | undefined, etag?: string) =>
      house.ask({
        ...{ method, path: place + end, key: made.adminKey },
        ...(given === undefined ? {} : { body: given }),
        headers: etag === undefined ? {} : { "if-match": etag },
      });
    const etag = String(first.headers.etag);
    assert.equal((await ask("PATCH", "", { body: "x" })).status, 428);
    const changed = await ask("PATCH", "", { body: "Two machines.", tags: ["b"] }, etag);
    assert.equal(changed.status, 200, changed.text);
    assert.equal((await ask("PATCH", "", { body: "y" }, etag)).status, 412);
    assert.equal((await ask("DELETE", "", undefined, etag)).status, 412);
    const newest = String(changed.headers.etag);
    const published = await ask("POST", "/publish", {}, newest);
    assert.deepEqual((published.json as Fields)["published_version"], 2);
    const unchanged = await house.ask({
      ...{ path: place, key: made.adminKey },
      headers: { "if-none-match": String(published.headers.etag) },
    });
    assert.equal(unchanged.status, 304);
    const old = await ask("POST", "/publish", { version: 1 }, String(published.headers.etag));
    assert.equal((old.json as Fields)["state"], "changed");
    const missing = await ask("POST", "/publish", { version: 7 }, "*");
    assert.equal(missing.status, 404);
    const history = await house.expect(200, {
      path: `${place}/versions?limit=1`,
      key: made.adminKey,
    });
    assert.deepEqual([data(history)[0]?.["number"], history["has_more"]], [2, true]);
    const rest = { path: `${place}/versions?limit=1&after=2`, key: made.adminKey };
    assert.equal(data(await house.expect(200, rest))[0]?.["is_published"], true);
    const whole = await house.expect(200, { path: `${place}/versions/1`, key: made.adminKey });
    assert.equal(whole["body"], "One machine.");
    assert.equal((await ask("POST", "/unpublish", undefined, "*")).status, 200);
    assert.equal((await ask("DELETE", "", undefined, "*")).status, 204);
    assert.equal((await ask("GET", "", undefined)).status, 404);
  });

  test("a folder is imported, listed by cursor, and found", async () => {
    const files = Array.from({ length: 5 }, (_, index) => ({
      path: `guide/${index}.md`,
      content: `# Guide ${index}\n\nThe wanderer number ${index} rides along code WND-${index}00.`,
    }));
    const body = { files: [...files, { path: "x.png", content: "" }], publish: true, tags: ["g"] };
    const request = { method: "POST", path: `${path}/import`, key: made.adminKey, body };
    const imported = data(await house.expect(200, request));
    assert.deepEqual(
      imported.map(({ outcome }) => outcome),
      [...Array<string>(5).fill("created"), "refused"],
    );
    const again = data(await house.expect(200, request));
    assert.ok(again.slice(0, 5).every(({ outcome }) => outcome === "unchanged"));
    const titles: unknown[] = [];
    let next = `${path}?limit=2&tag=g`;
    while (next !== "") {
      const page = await house.ask({ path: next, key: made.adminKey });
      titles.push(...data(page.json).map(({ title }) => title));
      next = /<(.*)>/.exec(String(page.headers["link"] ?? ""))?.[1] ?? "";
    }
    assert.deepEqual(titles, ["Guide 4", "Guide 3", "Guide 2", "Guide 1", "Guide 0"]);
    const found = await house.ask({ path: "/api/v1/search?q=WND-300", key: made.adminKey });
    assert.deepEqual(data(found.json)[0]?.["exact_terms"], ["wnd-300"]);
    assert.equal(found.headers["x-tandem-degraded"], "embeddings", "there is no encoder here");
    const answered = await house.expect(200, {
      path: "/api/v1/search/answer?q=wanderer+number+3+rides+along",
      key: made.adminKey,
    });
    assert.equal(answered["is_answered"], true);
  });

  test("with the service away what was read stands in with its age; all else is 503 at once", async () => {
    const one = await write({ title: "Stale", body: "bread", publish: true });
    const place = `${path}/${(one.json as Fields)["id"]}`;
    const paths = [place, `${path}?limit=3`, "/api/v1/search?q=bread"];
    const fresh = new Map<string, string>();
    for (const read of paths) {
      fresh.set(read, (await house.ask({ path: read, key: made.adminKey })).text);
    }
    await house.stop("articles");
    for (const read of paths) {
      const startedMs = performance.now();
      const stale = await house.ask({ path: read, key: made.adminKey });
      assert.ok(performance.now() - startedMs < 400, "at once");
      assert.equal(stale.status, 200, `${read} ${stale.text}`);
      assert.match(String(stale.headers["x-tandem-degraded"]), /stale/);
      assert.match(String(stale.headers.age), /^\d+$/);
      const { degraded: _, ...now } = stale.json as Fields;
      const { degraded: __, ...before } = JSON.parse(fresh.get(read) ?? "") as Fields;
      assert.deepEqual(now, before);
    }
    for (const refused of [
      await house.ask({ path: "/api/v1/search?q=never+asked", key: made.adminKey }),
      await write({ title: "x", body: "x" }),
    ]) {
      assert.equal(refused.status, 503, refused.text);
      assert.match(String(refused.headers["content-type"]), /problem\+json/);
    }
    await house.expect(200, { path: "/api/v1/projects", key: made.adminKey });
    await house.restart("articles");
    await house.expect(201, {
      method: "POST",
      path,
      key: made.adminKey,
      body: { title: "b", body: "b" },
    });
  });

  test("rules are kept for projects, and what is no rule is refused", async () => {
    const rules = "/api/v1/article-rules";
    const put = (body: object) =>
      house.ask({ method: "POST", path: rules, key: made.adminKey, body });
    const kept = await put({ project_id: made.projectId, passages: 3, models: ["a*"] });
    assert.equal(kept.status, 201, kept.text);
    const list = await house.expect(200, { path: rules, key: made.adminKey });
    assert.deepEqual(data(list), [{ project_id: made.projectId, passages: 3, models: ["a*"] }]);
    assert.equal((await put({ project_id: made.projectId, models: ["not a model"] })).status, 400);
    assert.equal((await put({ project_id: made.projectId, passages: 0 })).status, 400);
    const remove = { method: "DELETE", path: `${rules}/${made.projectId}`, key: made.adminKey };
    assert.equal((await house.ask(remove)).status, 204);
    assert.equal((await house.ask(remove)).status, 404);
  });
});
