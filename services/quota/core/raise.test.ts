import assert from "node:assert/strict";
import { test } from "node:test";
import { subject } from "../testing/scenario.ts";
import { ceilingBelow, spendCeilingBelow } from "./ceiling.ts";
import { type Limit, limitAt } from "./limit.ts";
import { amountAt, hasEndedSince, raiseAt } from "./raise.ts";
import { isWarnedOf, reachedThresholds, usedPercent } from "./thresholds.ts";

const raise = { amount: 50n, untilMs: 1_000, by: "usr_1", reason: "" };

test("a raise ends at its time, and takes nothing away from what has overtaken it", () => {
  assert.deepEqual(
    [999, 1_000].map((nowMs) => amountAt(10n, raise, nowMs)),
    [50n, 10n],
  );
  assert.equal(amountAt(80n, raise, 0), 80n);
  assert.equal(raiseAt(raise, 1_000), undefined);
  assert.equal(hasEndedSince(raise, { sinceMs: 999, nowMs: 1_000 }), true);
  assert.equal(hasEndedSince(raise, { sinceMs: 1_000, nowMs: 2_000 }), false, "granted after it");
  assert.equal(hasEndedSince(raise, { sinceMs: 0, nowMs: 999 }), false);
});

test("a limit says what it is now, and what it will be without anybody's doing", () => {
  const limit: Limit = {
    ...{ id: "lim_1", subject: subject("org_a"), kind: "requests", amount: 10, windowMs: 60_000 },
    ...{ version: 1n, setBy: "organisation", raise },
  };
  const { amount, next } = limitAt(limit, 0);
  assert.deepEqual([amount, next], [50, { atMs: 1_000, amount: 10 }]);
  assert.deepEqual([limitAt(limit, 1_000).amount, limitAt(limit, 1_000).next], [10, undefined]);
});

test("a ceiling is above what it covers, whatever window that is told in", () => {
  const ceiling = {
    ...{ subject: subject("org_a", { model: "m" }), kind: "requests" as const },
    ...{ amount: 60n, windowMs: 60_000 },
  };
  const own = (amount: bigint, windowMs: number, rest = {}) => ({
    ...{ ...ceiling, amount, windowMs },
    subject: subject("org_a", { model: "m", keyId: "key_1" }),
    ...rest,
  });
  assert.equal(ceilingBelow(own(60n, 60_000), [ceiling]), undefined, "as much is allowed");
  assert.equal(ceilingBelow(own(61n, 60_000), [ceiling]), ceiling);
  assert.equal(ceilingBelow(own(2n, 1_000), [ceiling]), ceiling, "two a second");
  assert.equal(ceilingBelow(own(3_600n, 3_600_000), [ceiling]), undefined);
  assert.equal(ceilingBelow(own(61n, 60_000, { kind: "tokens" }), [ceiling]), undefined);
  const wide = { ...own(61n, 60_000), subject: subject("org_a") };
  assert.equal(ceilingBelow(wide, [ceiling]), undefined, "other models are not the ceiling's");
  const places = { ...ceiling, kind: "concurrency" as const, windowMs: 0, amount: 2n };
  assert.equal(ceilingBelow({ ...places, amount: 3n }, [places]), places);
});

test("a budget stays below ceilings of its own period and of longer ones", () => {
  const ceiling = { subject: subject("org_a"), period: "month" as const, nanos: 100n };
  const own = (period: "day" | "month" | "total", nanos: bigint) => ({ ...ceiling, period, nanos });
  assert.equal(spendCeilingBelow(own("month", 101n), [ceiling]), ceiling);
  assert.equal(spendCeilingBelow(own("day", 101n), [ceiling]), ceiling);
  assert.equal(spendCeilingBelow(own("day", 100n), [ceiling]), undefined);
  assert.equal(spendCeilingBelow(own("total", 101n), [ceiling]), undefined);
});

test("each threshold is told once, and a hundred percent means all of it", () => {
  assert.equal(usedPercent(999n, 1_000n), 99);
  assert.equal(usedPercent(0n, 0n), 100);
  const thresholds = [50, 80, 100];
  assert.deepEqual(reachedThresholds(thresholds, { usedPercent: 99, toldPercent: 0 }), [50, 80]);
  assert.deepEqual(reachedThresholds(thresholds, { usedPercent: 150, toldPercent: 80 }), [100]);
  assert.deepEqual(reachedThresholds(thresholds, { usedPercent: 60, toldPercent: 80 }), []);
  assert.deepEqual([isWarnedOf(thresholds, 49), isWarnedOf([], 500)], [false, false]);
  assert.equal(isWarnedOf(thresholds, 50), true);
});
