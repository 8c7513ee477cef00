import assert from "node:assert/strict";
import { test } from "node:test";
import { nextRestart, noDeaths } from "./restart-delay.ts";

function delaysOf(lives: readonly number[], wasReady = false): number[] {
  const delays: number[] = [];
  let history = noDeaths;
  for (const livedMs of lives) {
    const next = nextRestart(history, { livedMs, wasReady });
    delays.push(next.delayMs);
    history = next.history;
  }
  return delays;
}

test("the first restart is at once, then the wait doubles up to five seconds", () => {
  const lives = Array.from({ length: 10 }, () => 10);
  assert.deepEqual(delaysOf(lives), [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

test("one that had come to serve is not waited for long, however often it is killed", () => {
  const lives = Array.from({ length: 6 }, () => 900);
  assert.deepEqual(delaysOf(lives, true), [0, 100, 200, 400, 400, 400]);
});

test("half a minute of health clears the record", () => {
  assert.deepEqual(delaysOf([10, 10, 10, 29_999, 30_000, 10]), [0, 100, 200, 400, 0, 100]);
});
