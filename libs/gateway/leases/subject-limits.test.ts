import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LimitGrant, LimitPool } from "./limit-pool.ts";
import { type Admitted, finishAdmitted, SubjectLimits, undoAdmitted } from "./subject-limits.ts";

function grantOf(part: Partial<LimitGrant>): LimitGrant {
  return {
    limitId: "lim_1",
    kind: "requests",
    granted: 2,
    limit: 60,
    remaining: 50,
    resetMs: 10_000,
    retryAfterMs: 0,
    windowMs: 60_000,
    ...part,
  };
}

function subject(...grants: readonly Partial<LimitGrant>[]) {
  const limits = new SubjectLimits();
  const pools = new Map<string, LimitPool>();
  const renew = (nowMs: number, ...parts: readonly Partial<LimitGrant>[]): void => {
    limits.granted(parts.map(grantOf), {
      nowMs,
      validMs: 1_000,
      poolOf: ({ limitId, kind }) => {
        const pool = pools.get(limitId) ?? new LimitPool(limitId, kind);
        pools.set(limitId, pool);
        return pool;
      },
    });
  };
  renew(0, ...grants);
  return { limits, renew, pools };
}

const small = { tokens: 10 };

test("a subject without limits is admitted for as long as quota said so", () => {
  const { limits } = subject();
  assert.equal(limits.admit(small, 999).kind, "admitted");
  assert.equal(limits.admit(small, 1_000).kind, "unknown");
  assert.equal(new SubjectLimits().admit(small, 0).kind, "unknown");
});

test("a request takes from all its limits or from none", () => {
  const { limits, pools } = subject(
    { granted: 5 },
    { limitId: "lim_2", kind: "tokens", granted: 15 },
  );
  assert.equal(limits.admit(small, 0).kind, "admitted");
  assert.equal(limits.admit(small, 0).kind, "unknown");
  assert.equal(pools.get("lim_1")?.level, 4);
  assert.equal(pools.get("lim_2")?.level, 5);
});

test("a refusal is remembered until its end, without another call", () => {
  const { limits, renew } = subject({ granted: 1 });
  limits.admit(small, 0);
  renew(10, { granted: 0, retryAfterMs: 2_500 });
  const refusal = limits.admit(small, 20);
  assert.equal(refusal.kind, "refused");
  assert.ok(refusal.kind === "refused" && refusal.retryAfterMs === 2_490);
  assert.equal(limits.admit(small, 1_500).kind, "refused", "also when the lease has ended");
  assert.equal(limits.admit(small, 2_511).kind, "unknown");
});

test("places are free again when their request is over, however it ended", () => {
  const { limits } = subject({ kind: "concurrency", granted: 2, windowMs: 0, limit: 2 });
  const held: Admitted[] = [];
  for (const _ of [1, 2]) {
    assert.equal(limits.admit(small, 0).kind, "admitted");
    held.push(limits.holding(small));
  }
  assert.equal(limits.admit(small, 0).kind, "unknown");
  const [first, second] = held;
  assert.ok(first !== undefined && second !== undefined);
  finishAdmitted(first, 3);
  assert.equal(limits.admit(small, 0).kind, "admitted");
  undoAdmitted(second);
  assert.equal(limits.admit(small, 0).kind, "admitted");
});

test("places that nobody needs are given back, and those in use are told as held", () => {
  const place = { kind: "concurrency", granted: 8, windowMs: 0, limit: 10 } as const;
  const { limits, pools, renew } = subject(place);
  for (let count = 0; count < 4; count += 1) limits.admit(small, 0);
  const pool = pools.get("lim_1");
  assert.equal(pool?.wantedFor([small], 0), 0);
  assert.equal(pool?.keepPlaces(0), 5);
  assert.equal(pool?.wantedFor([small, small, small], 0), 2);
  renew(10, { ...place, granted: 2 });
  for (const _ of [1, 2, 3]) assert.equal(limits.admit(small, 10).kind, "admitted");
  assert.equal(limits.admit(small, 10).kind, "unknown");
});

test("tokens that were not used come back, and those used beyond are a debt", () => {
  const { limits, pools, renew } = subject({ kind: "tokens", granted: 20, limit: 1_000 });
  limits.admit(small, 0);
  finishAdmitted(limits.holding(small), 4);
  assert.equal(pools.get("lim_1")?.level, 16);
  limits.admit(small, 0);
  finishAdmitted(limits.holding(small), 50);
  assert.equal(pools.get("lim_1")?.level, -34);
  assert.equal(pools.get("lim_1")?.wantedFor([small], 0), 44);
  renew(10, { kind: "tokens", granted: 44, limit: 1_000 });
  assert.equal(pools.get("lim_1")?.level, 10);
});

test("what an ended lease had in store is given back and not kept for the next one", () => {
  const { pools, renew } = subject({ granted: 5 });
  renew(1_000, { granted: 1 });
  assert.equal(pools.get("lim_1")?.level, 1);
  assert.equal(pools.get("lim_1")?.takeUnspent(), 5);
  assert.equal(pools.get("lim_1")?.takeUnspent(), 0);
});

test("a request larger than the whole limit can pass alone", () => {
  const { limits } = subject({ kind: "tokens", granted: 100, limit: 100 });
  assert.equal(limits.admit({ tokens: 5_000 }, 0).kind, "admitted");
});

test("without quota a replica goes on with its share of the limit, by its own clock", () => {
  const { limits, pools } = subject({ granted: 1, limit: 120, windowMs: 60_000 });
  let passed = 0;
  for (let nowMs = 1_000; nowMs < 61_000; nowMs += 20) {
    if (limits.admit(small, nowMs).kind === "admitted") passed += 1;
    else limits.grantShare({ nowMs, validMs: 1_000, replicas: 2 });
  }
  // Half of the 50 that were left, half of what a minute refills, and the one granted before.
  assert.ok(passed >= 80 && passed <= 86, `${passed} of a share of 60 and 25`);
  assert.equal(pools.get("lim_1")?.limit, 120);
});

test("a small limit is kept without quota too: all replicas together, over many minutes", () => {
  const replicas = 4;
  const fleet = Array.from({ length: replicas }, () =>
    subject({ granted: 0, limit: 6, remaining: 4, windowMs: 60_000 }),
  );
  let passed = 0;
  for (let nowMs = 1_000; nowMs <= 601_000; nowMs += 100) {
    for (const { limits } of fleet) {
      if (limits.admit(small, nowMs).kind === "admitted") passed += 1;
      else limits.grantShare({ nowMs, validMs: 1_000, replicas });
    }
  }
  assert.ok(passed <= 4 + 60 && passed > 50, `${passed} of 60 and the 4 that were left`);
});

test("what a replica granted itself is not given back to quota", () => {
  const { limits, pools, renew } = subject({ kind: "tokens", granted: 0, limit: 1_000 });
  limits.grantShare({ nowMs: 30_000, validMs: 1_000, replicas: 1 });
  assert.equal(limits.admit({ tokens: 100 }, 30_000).kind, "admitted");
  const held = limits.holding({ tokens: 100 });
  renew(32_000, { kind: "tokens", granted: 10, limit: 1_000 });
  finishAdmitted(held, 1);
  assert.equal(pools.get("lim_1")?.level, 10);
  assert.equal(pools.get("lim_1")?.takeUnspent(), 0);
});

test("a change of limits is asked for before anything else is admitted", () => {
  const { limits } = subject({ granted: 5 });
  limits.forget();
  assert.equal(limits.admit(small, 0).kind, "unknown");
});

test("admitted requests never exceed what was granted, however they interleave", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("admit" as const), amount: fc.nat(30) }),
    fc.record({ kind: fc.constant("finish" as const), amount: fc.nat(30) }),
    fc.record({ kind: fc.constant("undo" as const), amount: fc.constant(0) }),
    fc.record({ kind: fc.constant("grant" as const), amount: fc.nat(60) }),
    fc.record({ kind: fc.constant("wait" as const), amount: fc.nat(900) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const { limits, renew, pools } = subject({ kind: "tokens", granted: 40, limit: 1_000 });
      const pool = pools.get("lim_1");
      assert.ok(pool !== undefined);
      let nowMs = 0;
      let granted = 40;
      let used = 0;
      let returned = 0;
      const held: Admitted[] = [];
      for (const { kind, amount } of steps) {
        if (kind === "admit" && limits.admit({ tokens: amount }, nowMs).kind === "admitted") {
          held.push(limits.holding({ tokens: amount }));
        } else if (kind === "finish") {
          const over = held.shift();
          if (over === undefined) continue;
          const usedTokens = Math.min(amount, over.demand.tokens);
          finishAdmitted(over, usedTokens);
          used += usedTokens;
        } else if (kind === "undo") {
          const over = held.shift();
          if (over !== undefined) undoAdmitted(over);
        } else if (kind === "grant") {
          granted += amount;
          renew(nowMs, { kind: "tokens", granted: amount, limit: 1_000 });
          returned += pool.takeUnspent();
        } else if (kind === "wait") nowMs += amount;
        const holding = held.reduce((sum, { demand }) => sum + demand.tokens, 0);
        assert.ok(used + holding + returned + Math.max(0, pool.level) <= granted);
      }
    }),
  );
});
