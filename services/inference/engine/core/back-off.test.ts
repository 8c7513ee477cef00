import assert from "node:assert/strict";
import { test } from "node:test";
import { backOffMs } from "./back-off.ts";

test("pauses double up to the last, and jitter only shortens them", () => {
  const limits = { firstMs: 100, lastMs: 1000 };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 500].map((attempt) => backOffMs(attempt, limits, 0)),
    [100, 200, 400, 800, 1000, 1000],
  );
  assert.equal(backOffMs(5, limits, 0.999), 750);
});
