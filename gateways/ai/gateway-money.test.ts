import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { textOfWhole } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench();
});
beforeEach(() => {
  bench.platform.quota.limits.length = 0;
});
after(() => bench.close());

const as = (key: string) => ({ authorization: `Bearer ${key}` });

describe("money", () => {
  test("that is gone is 402 in the words clients branch on, and nothing is asked", async () => {
    const poor = bench.platform.addKey({}, 0n);
    const calls = bench.first.calls.length;
    const answer = await bench.chat(freshPrompt().content, {}, as(poor));
    assert.equal(answer.status, 402, answer.text);
    const error = errorIn(answer);
    assert.equal(error.type, "insufficient_quota");
    assert.equal(error.code, "credit_balance_exhausted");
    assert.equal(error["limit_source"], "wallet");
    assert.equal(answer.headers["x-should-retry"], "false");
    assert.equal(bench.first.calls.length, calls);
  });

  test("tells what was refused for statistics, in one count for all that were alike", async () => {
    const { quota } = bench.platform;
    const poor = bench.platform.addKey({ organisationId: "org_refused" }, 0n);
    for (let calls = 0; calls < 5; calls += 1) {
      assert.equal((await bench.chat(freshPrompt().content, {}, as(poor))).status, 402);
    }
    const unknown = await bench.chat(freshPrompt().content, { model: "none such" }, as(poor));
    assert.equal(unknown.status, 400, unknown.text);
    const told = () =>
      [...quota.ledger.values()].filter(({ organisationId }) => organisationId === "org_refused");
    const calls = (status: number): number =>
      told()
        .filter(({ detail }) => detail?.status === status)
        .reduce((sum, { detail }) => sum + (detail?.requests ?? 0), 0);
    await until(() => calls(402) === 5 && calls(400) === 1);
    assert.ok(told().every(({ outcome, chargedNanos }) => outcome === "refused" && !chargedNanos));
    assert.ok(told().length <= 4, "a count a second, not a row a call");
  });

  test("tells with a settlement how the call went", async () => {
    const answer = await bench.chat(freshPrompt().content, {});
    const id = String(answer.headers["x-request-id"]);
    await until(() => bench.platform.quota.ledger.has(id));
    const detail = bench.platform.quota.ledger.get(id)?.detail;
    assert.equal(detail?.status, 200);
    assert.equal(detail.endpoint, "chat");
    assert.ok(detail.durationMs > 0 && detail.durationMs >= detail.firstTokenMs);
    assert.equal(detail.inputPrice, 1_000_000_000n);
    assert.ok(detail.upstreamKnown);
  });

  test("is not needed where a model costs nothing", async () => {
    const poor = bench.platform.addKey({}, 0n);
    const answer = await bench.chat(freshPrompt().content, { model: "free" }, as(poor));
    assert.equal(answer.status, 200, answer.text);
  });

  test("nobody has set the price for is not given away: the refusal names model and remedy", async () => {
    const calls = bench.first.calls.length + bench.second.calls.length;
    const answer = await bench.chat(freshPrompt().content, { model: "unpriced" });
    assert.equal(answer.status, 503, answer.text);
    const error = errorIn(answer);
    assert.equal(error.code, "model_not_priced");
    assert.match(String(error.message), /unpriced.*\/api\/v1\/models\/unpriced\/prices/);
    assert.equal(answer.headers["x-should-retry"], "false");
    assert.equal(bench.first.calls.length + bench.second.calls.length, calls);
  });

  test("is not needed on own hardware, which nobody has to price", async () => {
    const poor = bench.platform.addKey({}, 0n);
    const answer = await bench.chat(freshPrompt().content, { model: "own" }, as(poor));
    assert.equal(answer.status, 200, answer.text);
  });

  test("bounds what is sent upstream: never more tokens than were reserved", async () => {
    // 2,000 nanos for an output token: some 700 of them, besides the prompt.
    const modest = bench.platform.addKey({}, 1_500_000n);
    const { content, expected } = freshPrompt();
    const answer = await bench.chat(content, {}, as(modest));
    assert.equal(textOfWhole(answer.text), expected, answer.text);
    const sent = JSON.parse(bench.first.calls.at(-1)?.bodyText ?? "{}");
    const limit = sent.max_completion_tokens;
    assert.ok(limit > 500 && limit < 800, String(limit));
  });

  test("refuses what it does not cover when the client asked for that many", async () => {
    const modest = bench.platform.addKey({}, 1_500_000n);
    const answer = await bench.chat(freshPrompt().content, { max_tokens: 5_000 }, as(modest));
    assert.equal(answer.status, 402);
  });

  test("adds up after 200 calls at once: spent is charged, the rest is back, nothing is left out", async () => {
    const organisationId = "org_rush";
    const walletNanos = 1_000_000_000n;
    const rush = bench.platform.addKey({ organisationId }, walletNanos);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => {
        const { content } = freshPrompt(20);
        return bench.chat(content, { max_tokens: 50 }, as(rush));
      }),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    const { quota } = bench.platform;
    const ids = answers.map(({ headers }) => String(headers["x-request-id"]));
    await until(() => ids.every((id) => quota.ledger.has(id)));
    let spent = 0n;
    for (const id of ids) spent += quota.ledger.get(id)?.chargedNanos ?? 0n;
    let held = 0n;
    for (const lease of quota.leases.values()) {
      if (lease.organisationId === organisationId) held += lease.held;
    }
    const available = quota.available.get(organisationId) ?? 0n;
    assert.equal(available + held + spent, walletNanos);
  });

  test("can never be overspent by many at once: the ledger stays within the wallet", async () => {
    const organisationId = "org_edge";
    const walletNanos = 2_000_000n;
    const edge = bench.platform.addKey({ organisationId }, walletNanos);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        bench.chat(freshPrompt(30).content, { max_tokens: 30 }, as(edge)),
      ),
    );
    const served = answers.filter(({ status }) => status === 200);
    assert.ok(served.length > 0 && served.length < 100, `${served.length}`);
    assert.ok(answers.every(({ status }) => status === 200 || status === 402));
    const { quota } = bench.platform;
    const ids = served.map(({ headers }) => String(headers["x-request-id"]));
    await until(() => ids.every((id) => quota.ledger.has(id)));
    let spent = 0n;
    for (const id of ids) spent += quota.ledger.get(id)?.chargedNanos ?? 0n;
    assert.ok(spent <= walletNanos);
    assert.ok((quota.available.get(organisationId) ?? 0n) >= 0n);
  });
});

describe("limits", () => {
  test("that are reached are 429 with the standard fields and a time in whole seconds", async () => {
    bench.platform.quota.limits.push({ id: "lim_1", kind: "requests", limit: 3, left: 3 });
    const key = bench.platform.addKey();
    const statuses: number[] = [];
    let last = await bench.chat(freshPrompt(1).content, { model: "free" }, as(key));
    for (let count = 0; count < 6; count += 1) {
      statuses.push(last.status);
      last = await bench.chat(freshPrompt(1).content, { model: "free" }, as(key));
    }
    assert.ok(statuses.filter((status) => status === 200).length <= 3);
    assert.equal(last.status, 429);
    const error = errorIn(last);
    assert.equal(error.type, "rate_limit_error");
    assert.equal(error.code, "rate_limit_exceeded");
    const seconds = Number(last.headers["retry-after"]);
    assert.ok(seconds >= 1 && seconds <= 60);
    assert.ok(Number(last.headers["retry-after-ms"]) > 0);
    assert.equal(last.headers["x-should-retry"], "true");
  });

  test("that apply are shown with every answer", async () => {
    bench.platform.quota.limits.push({ id: "lim_2", kind: "requests", limit: 60, left: 60 });
    bench.platform.quota.limits.push({ id: "lim_3", kind: "tokens", limit: 90_000, left: 90_000 });
    const key = bench.platform.addKey();
    const answer = await bench.chat(freshPrompt(1).content, { model: "free" }, as(key));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["x-ratelimit-limit-requests"], "60");
    assert.equal(answer.headers["x-ratelimit-limit-tokens"], "90000");
    assert.ok(Number(answer.headers["x-ratelimit-remaining-requests"]) <= 59);
    assert.match(String(answer.headers["x-ratelimit-reset-requests"]), /^\d+(ms|s)$/);
  });

  test("of requests at once count those under way, and no more", async () => {
    bench.platform.quota.limits.push({ id: "lim_4", kind: "concurrency", limit: 2, left: 2 });
    const key = bench.platform.addKey();
    bench.first.pace({ firstTokenDelayMs: 200 });
    const all = await Promise.all(
      Array.from({ length: 5 }, () =>
        bench.chat(freshPrompt(1).content, { model: "free" }, as(key)),
      ),
    );
    bench.first.pace({});
    const passed = all.filter(({ status }) => status === 200).length;
    assert.equal(passed, 2);
    const next = await bench.chat(freshPrompt(1).content, { model: "free" }, as(key));
    assert.equal(next.status, 200, next.text);
  });
});
