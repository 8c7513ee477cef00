/**
 * How good retrieval is, with the real encoder on real PostgreSQL, on the set that ships with it.
 * Prints the figures; fails where they fall below what was measured by more than a question or two.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ArticlesService, type Hit } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { start as startArticles } from "../../services/articles/main.ts";
import { start as startEngine } from "../../services/inference/engine/main.ts";
import { ensureRuntime } from "../../services/inference/engine/test-fixtures/runtime.ts";
import { type SetQuestion, setArticles, setQuestions } from "./retrieval-set.ts";

type Client = RpcClient<(typeof ArticlesService)["method"]>;

const organisationId = "org_quality";
const claims = { organisationId, projectId: "", userId: "", sessionId: "", roles: [] };
const patient = { deadlineMs: 60_000 };
const editor = { ...patient, caller: { ...claims, keyId: "key_1", scopes: ["admin"] } };
const key = { ...patient, caller: { ...claims, keyId: "key_2", scopes: ["inference"] } };

const house = createTestHouse({
  replicas: ["articles/1", "engine/1", "auth/1", "business/1"],
  calls: { business: ["articles"], articles: ["auth", "engine"] },
});
const gateway = house.site("business/1");
const lifecycle = createLifecycle(gateway);
const keyOf = new Map<string, string>();
let postgres: TestPostgres;
let replicas: readonly Replica[] = [];
let articles: Client;

before(async () => {
  await ensureRuntime();
  postgres = await startTestPostgres();
  const settings = { encoder: { questionPatienceMs: "10s", passageTimeoutMs: "60s" } };
  const databaseUrl = await postgres.createDatabase();
  replicas = [
    await startEngine(house.site("engine/1", { settings: { generate: false } })),
    await startArticles(house.site("articles/1", { databaseUrl, settings })),
  ];
  articles = connectRpc(gateway, lifecycle, { service: ArticlesService, deployable: "articles" });
  for (const { key: name, language = "en", ...text } of setArticles) {
    const request = { organisationId, language, ...text, publish: true };
    const { id } = await articles.createArticle(request, editor);
    keyOf.set(id, name);
  }
  const endMs = performance.now() + 300_000;
  for (;;) {
    const list = await articles.listArticles({ organisationId, limit: 100 }, editor);
    if (list.articles.every(({ chunks, embeddedChunks }) => chunks === embeddedChunks)) return;
    if (performance.now() > endMs) throw new Error("the passages never got their vectors");
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
});

after(async () => {
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  for (const replica of replicas) await replica.close({ deadlineMs: 5_000 });
  await postgres.stop();
  house.close();
});

interface Figures {
  readonly first: number;
  readonly third: number;
  readonly reciprocal: number;
}

/** Which place the right article has among the articles found; 0 for none. */
function rankIn(hits: readonly Hit[], question: SetQuestion): number {
  const found = [...new Set(hits.map(({ articleId }) => keyOf.get(articleId)))];
  return found.indexOf(question.key) + 1;
}

async function measure(mode: string, kinds: readonly string[]): Promise<Figures> {
  const asked = setQuestions.filter(({ kind }) => kinds.includes(kind));
  let [first, third, reciprocal] = [0, 0, 0];
  for (const question of asked) {
    const request = { organisationId, query: question.query, limit: 20, mode };
    const { hits, degraded } = await articles.search(request, key);
    assert.deepEqual(degraded, [], "the encoder is there");
    const rank = rankIn(hits, question);
    if (rank === 1) first += 1;
    if (rank >= 1 && rank <= 3) third += 1;
    if (rank > 0) reciprocal += 1 / rank;
    if (mode === "hybrid" && rank !== 1) tell(`  ${rank || "–"}  ${question.query}`);
  }
  const share = (sum: number): number => sum / asked.length;
  return { first: share(first), third: share(third), reciprocal: share(reciprocal) };
}

/** The figures are what this test is for, as much as its verdict. */
function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

const percent = (value: number): string => `${Math.round(value * 100)} %`.padStart(6);

describe("retrieval on the set that ships with it", () => {
  const all = ["meaning", "words", "exact", "foreign"];

  test("hybrid search is better than words or meaning alone, and good at each kind", async () => {
    const figures = new Map<string, Figures>();
    for (const mode of ["lexical", "vector", "hybrid"]) {
      for (const kinds of [...all.map((kind) => [kind]), all]) {
        figures.set(`${mode} ${kinds.length > 1 ? "all" : kinds[0]}`, await measure(mode, kinds));
      }
    }
    tell("  mode and kind        recall@1 recall@3    MRR");
    for (const [name, { first, third, reciprocal }] of figures) {
      const rank = reciprocal.toFixed(3);
      tell(`  ${name.padEnd(20)} ${percent(first)}   ${percent(third)}   ${rank}`);
    }
    const of = (name: string): Figures =>
      figures.get(name) ?? { first: 0, third: 0, reciprocal: 0 };
    const hybrid = of("hybrid all");
    assert.ok(hybrid.reciprocal > of("lexical all").reciprocal + 0.1);
    assert.ok(hybrid.reciprocal > of("vector all").reciprocal);
    assert.ok(hybrid.first >= 0.8 && hybrid.third >= 0.92, JSON.stringify(hybrid));
    assert.equal(of("hybrid exact").first, 1);
    assert.equal(of("hybrid foreign").first, 1);
  });

  test("contexts hold the answer where there is one, and nothing where there is none", async () => {
    let [answered, wanted, silent, idle, passages] = [0, 0, 0, 0, 0];
    for (const question of setQuestions) {
      const request = { organisationId, query: question.query, limit: 5, tokensMax: 2_000 };
      const { hits } = await articles.retrieve(request, key);
      if (question.kind === "none") {
        idle += 1;
        if (hits.length === 0) silent += 1;
        else tell(`  distracted: ${question.query} → ${hits[0]?.title} ${hits[0]?.score}`);
        continue;
      }
      wanted += 1;
      passages += hits.length;
      if (rankIn(hits, question) > 0) answered += 1;
      else tell(`  missed: ${question.query}`);
    }
    tell(`  in the context: ${answered} of ${wanted}, with ${passages} passages`);
    tell(`  silent where nothing answers: ${silent} of ${idle}`);
    assert.ok(answered / wanted >= 0.85 && silent >= idle - 2);
  });

  test("an extractive answer quotes the right article, or declines", async () => {
    let [right, wrong, declined, idle] = [0, 0, 0, 0];
    for (const question of setQuestions) {
      const request = { organisationId, query: question.query };
      const { quotes, hits } = await articles.answer(request, key);
      const [quote] = quotes;
      if (question.kind === "none") {
        idle += quote === undefined ? 1 : 0;
        continue;
      }
      if (quote === undefined) declined += 1;
      else if (keyOf.get(hits[quote.hit - 1]?.articleId ?? "") === question.key) right += 1;
      else wrong += 1;
    }
    tell(`  quoted right ${right}, wrong ${wrong}, declined ${declined}; idle talk ${idle}`);
    assert.ok(right >= 22 && wrong <= 6);
  });
});
