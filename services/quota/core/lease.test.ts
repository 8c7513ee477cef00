import assert from "node:assert/strict";
import { test } from "node:test";
import { ageLease, ceilingAfter, judgeCall, type Lease, type LeaseCall } from "./lease.ts";

const times = { validMs: 5_000, graceMs: 5_000, requestMs: 660_000 };
const lease: Lease = {
  id: "lse_1",
  organisationId: "org_a",
  holder: "ai-1",
  incarnation: "one",
  scope: {
    fields: [],
    subject: { organisationId: "org_a", projectId: "", userId: "", keyId: "", model: "" },
  },
  state: "active",
  isTold: false,
  ceilingNanos: undefined,
  lastCall: 3n,
  renewedAtMs: 0,
};
const call: LeaseCall = {
  holder: "ai-1",
  incarnation: "one",
  organisationId: "org_a",
  call: 4n,
  carvedNanos: 0n,
  returnedNanos: 0n,
  keptNanos: undefined,
};
const now = { heldNanos: 100n, nowMs: 1_000, times };

test("a holder that speaks in time keeps its slice", () => {
  assert.deepEqual(ageLease(lease, { ...now, nowMs: 9_999 }), {
    state: "active",
    releaseNanos: 0n,
    dueAtMs: 10_000,
  });
});

test("a silent holder's slice returns only as far as it had promised not to touch it", () => {
  const silent = { ...now, nowMs: 10_000 };
  assert.deepEqual(ageLease({ ...lease, ceilingNanos: 30n }, silent), {
    state: "draining",
    releaseNanos: 70n,
    dueAtMs: 670_000,
  });
  assert.equal(ageLease(lease, silent).releaseNanos, 0n);
  assert.equal(ageLease({ ...lease, ceilingNanos: 0n }, silent).state, "closed");
  assert.equal(ageLease({ ...lease, ceilingNanos: 300n }, silent).releaseNanos, 0n);
});

test("what was carved returns when the longest request is over, and not before", () => {
  assert.equal(ageLease(lease, { ...now, nowMs: 669_999 }).releaseNanos, 0n);
  const over = ageLease(lease, { ...now, nowMs: 670_000 });
  assert.deepEqual(over, { state: "closed", releaseNanos: 100n, dueAtMs: undefined });
});

test("a repeated or overtaken call is answered and changes nothing", () => {
  for (const number of [1n, 3n]) {
    const verdict = judgeCall(lease, { ...now, call: { ...call, call: number }, isStale: true });
    assert.equal(verdict.kind, "repeat");
  }
});

test("nobody else's lease can be used: another holder, life or organisation", () => {
  const strangers: Partial<LeaseCall>[] = [
    { holder: "ai-2" },
    { incarnation: "two" },
    { organisationId: "org_b" },
  ];
  for (const stranger of strangers) {
    const verdict = judgeCall(lease, { ...now, call: { ...call, ...stranger }, isStale: false });
    assert.equal(verdict.kind, "foreign");
  }
});

test("a return is taken at most down to what is carved", () => {
  const returning = { ...call, carvedNanos: 80n, returnedNanos: 50n };
  assert.deepEqual(judgeCall(lease, { ...now, call: returning, isStale: false }), {
    kind: "apply",
    state: "active",
    releaseNanos: 20n,
  });
});

test("what the lease holds beyond what its holder counts as its own comes back", () => {
  const keeping = { ...call, carvedNanos: 20n, keptNanos: 30n };
  assert.deepEqual(judgeCall(lease, { ...now, call: keeping, isStale: false }), {
    kind: "apply",
    state: "active",
    releaseNanos: 70n,
  });
  const settledSince = { ...now, heldNanos: 25n, call: keeping, isStale: false };
  assert.deepEqual(judgeCall(lease, settledSince), {
    kind: "apply",
    state: "active",
    releaseNanos: 0n,
  });
});

test("a holder that has not been told to stop may have carved since: its rest stays held", () => {
  const stale = judgeCall(lease, { ...now, call, isStale: true });
  assert.deepEqual(stale, { kind: "apply", state: "draining", releaseNanos: 0n });
  const draining: Lease = { ...lease, state: "draining" };
  const untold = judgeCall(draining, { ...now, call, isStale: true });
  assert.deepEqual(untold, { kind: "apply", state: "draining", releaseNanos: 0n });
});

test("a told holder's report is final: nothing carved closes the lease", () => {
  const told: Lease = { ...lease, state: "draining", isTold: true };
  assert.deepEqual(judgeCall(told, { ...now, call, isStale: true }), {
    kind: "apply",
    state: "closed",
    releaseNanos: 100n,
  });
  const busy = { ...call, carvedNanos: 60n, returnedNanos: 40n };
  assert.deepEqual(judgeCall(told, { ...now, call: busy, isStale: true }), {
    kind: "apply",
    state: "draining",
    releaseNanos: 40n,
  });
  assert.equal(ceilingAfter(told, { carvedNanos: 60n, ceilingNanos: undefined }), 60n);
  assert.equal(ceilingAfter(lease, { carvedNanos: 60n, ceilingNanos: undefined }), undefined);
});

test("a holder that thaws after a long silence gets no further", () => {
  const late = { ...now, nowMs: 20_000, call: { ...call, carvedNanos: 10n }, isStale: false };
  const verdict = judgeCall({ ...lease, ceilingNanos: 30n }, late);
  assert.deepEqual(verdict, { kind: "apply", state: "draining", releaseNanos: 70n });
  const tooLate = judgeCall(lease, { ...late, nowMs: 700_000 });
  assert.deepEqual(tooLate, { kind: "apply", state: "closed", releaseNanos: 100n });
});
