import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RetryBudget } from "./retry-budget.ts";
import { isWorthRetrying, RetryPlan, retryAfterMs } from "./retry-plan.ts";
import { SiteChoice } from "./site-choice.ts";

const rules = { attemptsMax: 6, patienceMs: 10_000, firstDelayMs: 100, delayMsMax: 1_000 };
const wealth = () => new RetryBudget({ perRequest: 0.2, perSecond: 10, max: 100 });

test("pauses double, stay below their limit, and end with the attempts or with patience", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true })), (draws) => {
      const plan = new RetryPlan(rules, wealth(), 0);
      let nowMs = 0;
      draws.forEach((random, at) => {
        const delayMs = plan.failed({ nowMs, random });
        if (at + 1 >= rules.attemptsMax) {
          assert.equal(delayMs, undefined);
          return;
        }
        assert.ok(delayMs !== undefined);
        assert.ok(delayMs <= Math.min(1_000, 100 * 2 ** at));
        nowMs += delayMs;
      });
    }),
  );
});

test("what the server asks for is waited for, if it fits into the patience", () => {
  const plan = new RetryPlan(rules, wealth(), 0);
  assert.ok((plan.failed({ nowMs: 0, random: 0.5, retryAfterMs: 3_000 }) ?? 0) >= 3_000);
  assert.equal(plan.failed({ nowMs: 3_100, random: 0, retryAfterMs: 8_000 }), undefined);
});

test("progress begins it afresh", () => {
  const plan = new RetryPlan(rules, wealth(), 0);
  for (let at = 0; at < 50; at += 1) {
    const nowMs = at * 9_000;
    assert.ok(plan.failed({ nowMs, random: 0 }) !== undefined, `${at}`);
    plan.progressed(nowMs);
  }
});

test("a program that only retries comes to its budget's end, and time fills it again", () => {
  const budget = new RetryBudget({ perRequest: 0.2, perSecond: 10, max: 20 });
  let granted = 0;
  for (let at = 0; at < 100; at += 1) granted += budget.withdraw(0) ? 1 : 0;
  assert.equal(granted, 20);
  assert.ok(budget.withdraw(100));
  assert.ok(!budget.withdraw(100));
  for (let at = 0; at < 5; at += 1) budget.deposit(100);
  assert.ok(budget.withdraw(100));
});

test("the server's own word goes before its status", () => {
  assert.ok(
    isWorthRetrying(503, null) && isWorthRetrying(429, null) && isWorthRetrying(400, "true"),
  );
  assert.ok(
    !isWorthRetrying(503, "false") && !isWorthRetrying(402, null) && !isWorthRetrying(200, null),
  );
});

test("both forms of waiting are read, in seconds, in milliseconds and as a date", () => {
  const of = (fields: Readonly<Record<string, string>>): number | undefined =>
    retryAfterMs((name) => fields[name] ?? null, Date.UTC(2026, 0, 1, 0, 0, 0));
  assert.equal(of({ "retry-after-ms": "250", "retry-after": "9" }), 250);
  assert.equal(of({ "retry-after": "2" }), 2_000);
  assert.equal(of({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }), 30_000);
  assert.equal(of({ "retry-after": "Wed, 31 Dec 2025 00:00:30 GMT" }), 0);
  assert.equal(of({ "retry-after": "soon" }), undefined);
  assert.equal(of({}), undefined);
});

test("a site that fails twice in a row leaves the turn to the next one", () => {
  const sites = ["https://a.example/v1", "https://b.example/v1"];
  const choice = new SiteChoice("https://a.example/v1/models?x=1", sites, 0);
  choice.failed();
  assert.equal(choice.url, "https://a.example/v1/models?x=1");
  choice.failed();
  assert.equal(choice.url, "https://b.example/v1/models?x=1");
  choice.failed();
  choice.answered();
  choice.failed();
  assert.equal(choice.url, "https://b.example/v1/models?x=1");
  assert.ok(choice.lacks());
  assert.equal(choice.url, "https://a.example/v1/models?x=1");
  assert.ok(!choice.lacks(), "nobody is left who can have it");
});

test("an address of nobody's is asked where it is", () => {
  const choice = new SiteChoice("https://a.example/v10/models", ["https://a.example/v1"], 0);
  choice.failed();
  choice.failed();
  assert.equal(choice.url, "https://a.example/v10/models");
});
