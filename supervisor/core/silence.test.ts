import assert from "node:assert/strict";
import { test } from "node:test";
import { isStuck, lookAround, silenceMs, watchFrom } from "./silence.ts";

test("silence is counted from the last sign of life", () => {
  let watch = watchFrom(0);
  for (let nowMs = 250; nowMs <= 6000; nowMs += 250) watch = lookAround(watch, nowMs);
  assert.equal(silenceMs(watch, 1000), 5000);
  assert.equal(silenceMs(watch, 5750), 250);
});

test("a watcher that slept blames nobody for the time it slept", () => {
  let watch = lookAround(watchFrom(0), 250);
  watch = lookAround(watch, 20_000);
  assert.equal(silenceMs(watch, 250), 0);
  watch = lookAround(watch, 20_500);
  assert.equal(silenceMs(watch, 250), 500);
});

test("a process that waits for a CPU is not stuck, unless it waits for ever", () => {
  const limitMs = 5000;
  assert.ok(isStuck({ silentMs: 5000, starvedMs: 0, limitMs }));
  assert.ok(!isStuck({ silentMs: 5000, starvedMs: 4000, limitMs }));
  assert.ok(isStuck({ silentMs: 10_000, starvedMs: 4000, limitMs }));
  assert.ok(isStuck({ silentMs: 60_000, starvedMs: 59_999, limitMs }));
});
