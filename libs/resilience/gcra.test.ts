import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionFault } from "../kernel/index.ts";
import {
  checkGcraDemand,
  type GcraDemand,
  type GcraLimit,
  type GcraState,
  gcraDecide,
  gcraLevel,
} from "./gcra.ts";

const limits = fc.record({
  limit: fc.integer({ min: 1, max: 1_000_000 }),
  periodMs: fc.integer({ min: 1, max: 86_400_000 }),
  burst: fc.integer({ min: 1, max: 1_000_000 }),
});
/** Calls as (pause before in ms, cost). */
const calls = fc.array(fc.tuple(fc.double({ min: 0, max: 5000, noNaN: true }), fc.nat(200)), {
  minLength: 1,
  maxLength: 60,
});

/** One limit, used as a store does it. */
function bucket(limit: GcraLimit) {
  let state: GcraState | undefined;
  return {
    take(cost: number, nowMs: number) {
      const level = gcraLevel(state, limit, nowMs);
      const decision = gcraDecide([{ limit, cost }], [level]);
      if (decision.allowed && cost > 0) state = { level: level + cost, atMs: nowMs };
      const [verdict] = decision.verdicts;
      assert.ok(verdict !== undefined);
      return verdict;
    },
  };
}

test("in no window is more admitted than the burst and what came back in it", () => {
  fc.assert(
    fc.property(limits, calls, (limit, sequence) => {
      const { take } = bucket(limit);
      const admitted: (readonly [atMs: number, cost: number])[] = [];
      let nowMs = 1_700_000_000_000;
      for (const [pauseMs, cost] of sequence) {
        nowMs += pauseMs;
        if (take(cost, nowMs).allowed) admitted.push([nowMs, cost]);
      }
      for (const [start, [fromMs]] of admitted.entries()) {
        let sum = 0;
        for (const [atMs, cost] of admitted.slice(start)) {
          sum += cost;
          const allowance = limit.burst + ((atMs - fromMs) * limit.limit) / limit.periodMs;
          assert.ok(sum <= allowance * (1 + 1e-9) + 1e-3, `${sum} in an allowance of ${allowance}`);
        }
      }
    }),
  );
});

test("decides as the form with a theoretical arrival time does", () => {
  fc.assert(
    fc.property(limits, calls, (limit, sequence) => {
      const { take } = bucket(limit);
      const intervalMs = limit.periodMs / limit.limit;
      let arrivalMs = 0;
      let nowMs = 0;
      for (const [pauseMs, cost] of sequence) {
        nowMs += pauseMs;
        const nextMs = Math.max(arrivalMs, nowMs) + cost * intervalMs;
        const spareTokens = (nowMs - (nextMs - limit.burst * intervalMs)) / intervalMs;
        const { allowed } = take(cost, nowMs);
        // On the very edge the two round differently; either is right there.
        if (Math.abs(spareTokens) > 1e-4) assert.equal(allowed, spareTokens >= 0);
        if (allowed) arrivalMs = nextMs;
      }
    }),
  );
});

test("what is refused is allowed after the time named, and the figures are true", () => {
  fc.assert(
    fc.property(limits, calls, (limit, sequence) => {
      const { take } = bucket(limit);
      let nowMs = 0;
      for (const [pauseMs, cost] of sequence) {
        nowMs += pauseMs;
        const verdict = take(cost, nowMs);
        assert.equal(verdict.retryAfterMs === 0, verdict.allowed);
        assert.equal(take(verdict.remaining, nowMs).allowed, true);
        assert.equal(take(1, nowMs).allowed, false);
        if (verdict.allowed) continue;
        if (cost > limit.burst) {
          assert.equal(verdict.retryAfterMs, Number.POSITIVE_INFINITY);
          continue;
        }
        nowMs += take(cost, nowMs).retryAfterMs;
        assert.equal(take(cost, nowMs).allowed, true);
      }
    }),
  );
});

test("a clock that jumps admits at most one burst more, and locks nobody out", () => {
  const jumps = fc.array(fc.integer({ min: -86_400_000, max: 86_400_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(limits, jumps, (limit, sequence) => {
      const { take } = bucket(limit);
      let nowMs = 1_700_000_000_000;
      for (const jumpMs of sequence) {
        take(limit.burst, nowMs);
        nowMs += jumpMs;
        const verdict = take(limit.burst, nowMs);
        const fullMs = Math.ceil((limit.burst * limit.periodMs) / limit.limit);
        assert.ok(verdict.retryAfterMs <= fullMs, `${verdict.retryAfterMs} of ${fullMs}`);
      }
    }),
  );
});

test("several limits allow only together, and a refusal names the longest wait", () => {
  const demands = fc.array(
    fc.record({
      limit: limits,
      cost: fc.nat(100),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(demands, (all) => {
      const levels = all.map(({ limit, share }) => limit.burst * share);
      const decision = gcraDecide(all, levels);
      assert.equal(
        decision.allowed,
        decision.verdicts.every(({ allowed }) => allowed),
      );
      const waits = decision.verdicts.map(({ retryAfterMs }) => retryAfterMs);
      if (!decision.allowed) assert.equal(waits[decision.binding], Math.max(...waits));
      for (const [index, { remaining }] of decision.verdicts.entries()) {
        const { limit, cost } = all[index] as GcraDemand;
        const free = limit.burst - (levels[index] ?? 0) - (decision.allowed ? cost : 0);
        assert.ok(Math.abs(remaining - Math.max(0, free)) <= 1, `${remaining} of ${free}`);
      }
    }),
  );
});

test("a rate of a thousand million a minute counts single tokens, a rate of one a day too", () => {
  const fast = bucket({ limit: 1e9, periodMs: 60_000, burst: 100 });
  const slow = bucket({ limit: 1, periodMs: 86_400_000, burst: 3 });
  const nowMs = 1_700_000_000_000.123;
  for (let index = 0; index < 100; index += 1) assert.equal(fast.take(1, nowMs).allowed, true);
  assert.equal(fast.take(1, nowMs).allowed, false);
  for (let index = 0; index < 3; index += 1) assert.equal(slow.take(1, nowMs).allowed, true);
  assert.equal(slow.take(1, nowMs).retryAfterMs, 86_400_000);
  assert.equal(slow.take(1, nowMs + 86_399_000).allowed, false);
  assert.equal(slow.take(1, nowMs + 86_400_000).allowed, true);
});

test("limits and costs out of range are a programmer's mistake", () => {
  const good = { limit: 1, periodMs: 1, burst: 1 };
  const wrong: readonly GcraDemand[] = [
    { limit: { ...good, limit: 0 }, cost: 1 },
    { limit: { ...good, limit: Number.POSITIVE_INFINITY }, cost: 1 },
    { limit: { ...good, periodMs: -1 }, cost: 1 },
    { limit: { ...good, burst: 0.5 }, cost: 1 },
    { limit: good, cost: -1 },
    { limit: good, cost: Number.NaN },
  ];
  for (const demand of wrong) assert.throws(() => checkGcraDemand(demand), AssertionFault);
});
