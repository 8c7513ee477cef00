import assert from "node:assert/strict";
import { test } from "node:test";
import { breakAgain, breakEverywhere } from "../../testing/every-byte.ts";

test("wherever a stream breaks, in every way, its client gets the answer to the byte", () => {
  const report = breakEverywhere(17);
  assert.ok(report.cuts > 3_000, JSON.stringify(report));
  assert.ok(report.resumed > 1_000, JSON.stringify(report));
  assert.ok(report.told > 100, JSON.stringify(report));
});

test("a second break is gone on from as the first one, a third one is told", () => {
  const report = breakAgain(1_500, 4);
  assert.ok(report.resumed > 700, JSON.stringify(report));
  assert.ok(report.told > 10, JSON.stringify(report));
});
