import assert from "node:assert/strict";
import { test } from "node:test";
import { periodAt } from "./budget-period.ts";

test("a period begins and ends at midnight of UTC, across months, years and leap days", () => {
  const day = periodAt("day", Date.UTC(2028, 1, 28, 23, 59, 59, 999));
  assert.equal(day.key, "2028-02-28");
  assert.equal(day.endsAtMs, Date.UTC(2028, 1, 29));
  assert.equal(periodAt("day", day.endsAtMs).key, "2028-02-29");
  const month = periodAt("month", Date.UTC(2026, 11, 31, 12));
  assert.deepEqual(month, {
    key: "2026-12",
    startsAtMs: Date.UTC(2026, 11),
    endsAtMs: Date.UTC(2027, 0),
  });
  assert.equal(periodAt("month", month.endsAtMs).key, "2027-01");
});

test("a total budget never starts anew", () => {
  assert.deepEqual(periodAt("total", 5), { key: "total", startsAtMs: 0, endsAtMs: 0 });
  assert.equal(periodAt("total", 1e15).key, "total");
});
