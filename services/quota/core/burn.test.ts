import assert from "node:assert/strict";
import { test } from "node:test";
import { burnOf, startOfMonthMs } from "./burn.ts";

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 21);

test("seven even days: the week's average, what it lasts, and the month's end", () => {
  const spent = { dayNanos: 10n, weekNanos: 70n, monthNanos: 200n, firstAtMs: nowMs - 7 * dayMs };
  const burn = burnOf(spent, { totalNanos: 45n, nowMs });
  assert.deepEqual(burn, { perDayNanos: 10n, lastsMs: 4.5 * dayMs, monthEndNanos: 300n });
});

test("a wallet that is young is judged by the days it has, at least one", () => {
  const young = { dayNanos: 30n, weekNanos: 60n, monthNanos: 60n, firstAtMs: nowMs - 1.5 * dayMs };
  assert.equal(burnOf(young, { totalNanos: 1n, nowMs }).perDayNanos, 30n);
  const fresh = { dayNanos: 60n, weekNanos: 60n, monthNanos: 60n, firstAtMs: nowMs - 1_000 };
  assert.equal(burnOf(fresh, { totalNanos: 1n, nowMs }).perDayNanos, 60n);
});

test("where nothing is spent credit lasts for ever, and an empty wallet for no time", () => {
  const idle = { dayNanos: 0n, weekNanos: 0n, monthNanos: 5n, firstAtMs: undefined };
  const burn = burnOf(idle, { totalNanos: 1n, nowMs });
  assert.deepEqual(burn, { perDayNanos: 0n, lastsMs: undefined, monthEndNanos: 5n });
  const busy = { dayNanos: 7n, weekNanos: 7n, monthNanos: 7n, firstAtMs: nowMs };
  assert.equal(burnOf(busy, { totalNanos: 0n, nowMs }).lastsMs, 0);
});

test("a month begins at midnight of UTC", () => {
  assert.equal(startOfMonthMs(nowMs), Date.UTC(2026, 10, 1));
});
