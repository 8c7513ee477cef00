import assert from "node:assert/strict";
import { test } from "node:test";
import { type Health, type HealthEvent, nextHealth, unknownHealth } from "./health.ts";

const good: HealthEvent = { kind: "look", ok: true, reason: "" };
const bad: HealthEvent = { kind: "look", ok: false, reason: "refused" };

function play(events: readonly HealthEvent[], start: Health = unknownHealth(0)): Health {
  return events.reduce((health, event, index) => nextHealth(health, event, index * 1000), start);
}

test("one failed look does not take an upstream down, two do, and two good ones bring it back", () => {
  assert.equal(play([good, bad]).state, "up");
  const down = play([good, bad, bad]);
  assert.deepEqual([down.state, down.reason, down.sinceMs], ["down", "refused", 2000]);
  assert.equal(play([good], down).state, "down");
  assert.equal(play([good, good], down).state, "up");
});

test("more than five percent of failed attempts degrade, half of them take it down", () => {
  const attempts = (succeeded: number, failed: number): HealthEvent => ({
    kind: "attempts",
    succeeded,
    failed,
    lastFailure: "status 500",
  });
  assert.equal(play([good, attempts(96, 4)]).state, "up");
  assert.equal(play([good, attempts(90, 10)]).state, "degraded");
  assert.equal(play([good, attempts(5, 5)]).state, "down");
  assert.equal(play([good, attempts(1, 5)]).state, "up", "six attempts say nothing yet");
});

test("attempts that go well do not hide that nobody answers a look", () => {
  const down = play([good, bad, bad]);
  const event: HealthEvent = { kind: "attempts", succeeded: 20, failed: 0, lastFailure: "" };
  assert.equal(nextHealth(down, event, 9000).state, "down");
});

test("an upstream that is never looked at comes up with its first good attempt", () => {
  const event: HealthEvent = { kind: "attempts", succeeded: 1, failed: 0, lastFailure: "" };
  assert.equal(nextHealth(unknownHealth(0), event, 5).state, "up");
});
