import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseReplica,
  PeakEwma,
  type ReplicaCandidate,
  ReplicaHealth,
  RetryBudget,
} from "./index.ts";

/** A small generator of its own, so that the tests draw the same numbers each time. */
function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function candidate(): ReplicaCandidate {
  return { load: new PeakEwma(), health: new ReplicaHealth() };
}

function pair(): [ReplicaCandidate, ReplicaCandidate] {
  return [candidate(), candidate()];
}

test("a peak shows at once and fades with a time constant of ten seconds", () => {
  const load = new PeakEwma();
  load.observed(10, 0);
  load.observed(500, 1_000);
  assert.equal(load.latencyMs(1_000), 500);
  assert.ok(Math.abs(load.latencyMs(11_000) - 500 / Math.E) < 1);
  load.observed(10, 11_000);
  assert.ok(load.latencyMs(11_000) < 200, "a good answer pulls the average down");
});

test("a target that has work but never answered is not given more", () => {
  const [silent, known] = pair();
  silent.load.started();
  known.load.observed(50, 0);
  for (let calls = 0; calls < 20; calls += 1) known.load.started();
  const fraction = fractions(1);
  for (let round = 0; round < 50; round += 1) {
    assert.equal(chooseReplica([silent, known], { nowMs: 1, fraction })?.replica, known);
  }
});

test("a replica ten times as slow gets a small share", () => {
  const [slow, fast] = pair();
  const fraction = fractions(2);
  let toSlow = 0;
  const ends: { atMs: number; replica: ReplicaCandidate }[] = [];
  for (let nowMs = 0; nowMs < 20_000; nowMs += 5) {
    while (ends[0] !== undefined && ends[0].atMs <= nowMs) {
      const { atMs, replica } = ends.shift() ?? { atMs: 0, replica: slow };
      replica.load.ended();
      replica.load.observed(replica === slow ? 100 : 10, atMs);
    }
    const chosen = chooseReplica([slow, fast], { nowMs, fraction })?.replica;
    assert.ok(chosen);
    if (chosen === slow) toSlow += 1;
    chosen.load.started();
    ends.push({ atMs: nowMs + (chosen === slow ? 100 : 10), replica: chosen });
    ends.sort((left, right) => left.atMs - right.atMs);
  }
  assert.ok(toSlow / 4_000 < 0.2, `share of the slow one: ${toSlow / 4_000}`);
});

test("a refused socket is out for 200 ms, then twice as long each time, and at most 5 s", () => {
  const health = new ReplicaHealth();
  let nowMs = 0;
  for (const outMs of [200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    health.callStarted();
    health.callRefused(nowMs);
    assert.equal(health.availability(nowMs + outMs - 1), "out");
    assert.equal(health.availability(nowMs + outMs), "trial");
    nowMs += outMs;
  }
});

test("a hundred calls that die together count as one refusal", () => {
  const health = new ReplicaHealth();
  for (let call = 0; call < 100; call += 1) health.callStarted();
  for (let call = 0; call < 100; call += 1) health.callRefused(0);
  assert.equal(health.availability(200), "trial");
});

test("a replica comes back by one call at a time and then by a growing share", () => {
  const health = new ReplicaHealth();
  health.callRefused(0);
  assert.equal(health.availability(200), "trial");
  health.callStarted();
  assert.equal(health.availability(200), "out", "the trial is taken");
  health.callSucceeded(210);
  assert.equal(health.availability(210), "in");
  assert.equal(health.weight(210), 0.1);
  assert.equal(health.weight(2_710), 0.5);
  assert.equal(health.weight(9_000), 1);
});

test("three failures in a row, or half of ten, eject; scattered ones do not", () => {
  const inRow = new ReplicaHealth();
  for (let call = 0; call < 3; call += 1) inRow.callFailed(call, 0.5);
  assert.equal(inRow.availability(3), "out");
  assert.equal(inRow.availability(1_002), "trial");

  const half = new ReplicaHealth();
  for (let call = 0; call < 10; call += 1) {
    if (call % 2 === 0) half.callSucceeded(call);
    else half.callFailed(call, 0.5);
  }
  assert.equal(half.availability(10), "out");

  const scattered = new ReplicaHealth();
  for (let call = 0; call < 1_000; call += 1) {
    if (call % 3 === 0) scattered.callFailed(call, 0.5);
    else scattered.callSucceeded(call);
  }
  assert.equal(scattered.availability(1_000), "in");
});

test("two failed probes put a replica out, and two good ones let it be tried", () => {
  const health = new ReplicaHealth();
  health.probeFailed();
  assert.equal(health.availability(0), "in");
  health.probeFailed();
  assert.equal(health.availability(60_000), "out", "no time brings it back, only probes do");
  health.probePassed(60_000);
  assert.equal(health.availability(60_000), "out");
  health.probePassed(60_250);
  assert.equal(health.availability(60_250), "trial");
});

test("good probes end the pause of a refused socket early, not that of an ejection", () => {
  const refused = new ReplicaHealth();
  for (let nowMs = 0; nowMs < 3_000; nowMs += 1_000) refused.callRefused(nowMs);
  refused.probePassed(2_100);
  refused.probePassed(2_200);
  assert.equal(refused.availability(2_200), "trial");

  const ejected = new ReplicaHealth();
  for (let call = 0; call < 3; call += 1) ejected.callFailed(0, 0.5);
  ejected.probePassed(100);
  ejected.probePassed(200);
  assert.equal(ejected.availability(200), "out");
});

test("the candidate list is never empty: all out means all are tried", () => {
  const pool = pair();
  for (const { health } of pool) health.callRefused(0);
  const choice = chooseReplica(pool, { nowMs: 1, fraction: fractions(3) });
  assert.ok(choice);
  assert.equal(choice.isPanic, true);
  const again = chooseReplica(pool, { nowMs: 1, fraction: fractions(4), tried: new Set(pool) });
  assert.ok(again);
  assert.equal(chooseReplica([], { nowMs: 1, fraction: fractions(5) }), undefined);
});

test("a second attempt goes to a replica that was not tried, even to one that is out", () => {
  const [first, second] = pair();
  second.health.callRefused(0);
  const tried = new Set([first]);
  const choice = chooseReplica([first, second], { nowMs: 1, fraction: fractions(6), tried });
  assert.equal(choice?.replica, second);
});

test("a replica on trial is given its call at once", () => {
  const [known, returning] = pair();
  known.load.observed(1, 0);
  returning.load.observed(500, 0);
  returning.health.callRefused(0);
  const choice = chooseReplica([known, returning], { nowMs: 200, fraction: fractions(7) });
  assert.equal(choice?.replica, returning);
});

test("retries stay below a tenth of the requests, plus three a second, plus one burst", () => {
  const budget = new RetryBudget();
  let retries = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 5) {
    budget.requested();
    for (let attempt = 0; attempt < 2; attempt += 1) if (budget.tryRetry(nowMs)) retries += 1;
  }
  assert.ok(retries <= 1_200 + 180 + 1_024, `${retries} retries`);
  assert.ok(retries >= 1_200, `${retries} retries`);
});

test("a quiet caller may retry, and a thousand calls of a dead replica may move at once", () => {
  const budget = new RetryBudget();
  for (let call = 0; call < 1_000; call += 1) assert.equal(budget.tryRetry(0), true);
});
