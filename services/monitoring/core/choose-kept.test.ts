import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseKept } from "./choose-kept.ts";

const quick = { outcome: "complete", durationMs: 5 };
const failed = { outcome: "failed", durationMs: 5 };
const slow = { outcome: "complete", durationMs: 20_000 };

test("failed and slow requests are kept even when there is no room for ordinary ones", () => {
  const kept = chooseKept([quick, failed, quick, slow], { remaining: 1, slowMs: 10_000 });
  assert.deepEqual(kept, [quick, failed, slow]);
  assert.deepEqual(chooseKept([quick, failed], { remaining: 0, slowMs: 10_000 }), [failed]);
});
