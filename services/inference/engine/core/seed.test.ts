import assert from "node:assert/strict";
import { test } from "node:test";
import { seedAt } from "./seed.ts";

test("a draw's seed depends on seed and position, and neighbours differ", () => {
  assert.equal(seedAt(7, 3), seedAt(7, 3));
  const seen = new Set<number>();
  for (let seed = 0; seed < 50; seed += 1) {
    for (let position = 0; position < 50; position += 1) seen.add(seedAt(seed, position));
  }
  assert.ok(seen.size > 2495, `${seen.size} different seeds of 2500`);
});
