import assert from "node:assert/strict";
import { test } from "node:test";
import { ResumeBudget } from "./resume-budget.ts";

function allowed(budget: ResumeBudget, nowMs: number, open: number, tries: number): number {
  let count = 0;
  for (let index = 0; index < tries; index += 1) if (budget.tryResume(nowMs, open)) count += 1;
  return count;
}

test("all open streams may move at once when their server dies", () => {
  assert.equal(allowed(new ResumeBudget(), 0, 500, 500), 500);
});

test("an upstream that breaks everything is gone on from at a twentieth of the streams a second", () => {
  const budget = new ResumeBudget();
  assert.equal(allowed(budget, 0, 400, 1_000), 400);
  let count = 0;
  for (let nowMs = 100; nowMs <= 10_000; nowMs += 100) count += allowed(budget, nowMs, 400, 50);
  assert.ok(count >= 199 && count <= 200, `${count} in ten seconds`);
});

test("few streams have a budget all the same", () => {
  const budget = new ResumeBudget();
  assert.equal(allowed(budget, 0, 1, 100), 16);
  assert.equal(allowed(budget, 1_000, 1, 100), 1);
});
