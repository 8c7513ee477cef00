import assert from "node:assert/strict";
import { test } from "node:test";
import { stockOf } from "./limit.ts";
import { decidePlaces } from "./place-share.ts";

test("a stock is what the rate gives in 100 ms, from 1 to one hundredth of the limit", () => {
  const perMinute = (amount: number) => ({ amount, windowMs: 60_000 });
  assert.equal(stockOf(perMinute(60), 1), 1);
  assert.equal(stockOf(perMinute(60_000), 1), 100);
  assert.equal(stockOf({ amount: 1_000, windowMs: 1_000 }, 1), 10);
  assert.equal(stockOf(perMinute(60_000), 700), 700);
  assert.equal(stockOf(perMinute(60_000), 0), 0);
  assert.equal(stockOf(perMinute(1), 1), 1);
});

test("places are granted up to the limit, and never taken away from requests under way", () => {
  assert.deepEqual(decidePlaces({ amount: 10, others: 6, own: 2, wanted: 5 }), {
    places: 4,
    granted: 2,
    remaining: 0,
  });
  assert.deepEqual(decidePlaces({ amount: 3, others: 6, own: 2, wanted: 1 }), {
    places: 2,
    granted: 0,
    remaining: 0,
  });
});
