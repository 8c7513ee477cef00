import assert from "node:assert/strict";
import { test } from "node:test";
import {
  emptied,
  type Fullness,
  handOver,
  hearShare,
  judgeFullness,
  neverFull,
} from "./fullness.ts";

const shareMax = 0.85;
const second = 1000;
const minute = 60_000;

/** A beat a second from `fromMs` on. */
function hearAll(fullness: Fullness, shares: readonly number[], fromMs: number): Fullness {
  return shares.reduce(
    (before, share, at) => hearShare(before, { share, shareMax, nowMs: fromMs + at * second }),
    fullness,
  );
}

/** A place that is full from each replacement on; when it is replaced, within `forMs`. */
function replacements(forMs: number, fullAfterMs: number): readonly number[] {
  const times: number[] = [];
  let fullness = neverFull;
  let bornMs = 0;
  for (let nowMs = 0; nowMs <= forMs; nowMs += second) {
    const share = nowMs - bornMs >= fullAfterMs ? 0.95 : 0.2;
    fullness = hearShare(fullness, { share, shareMax, nowMs });
    if (judgeFullness(fullness, nowMs).kind !== "replace") continue;
    times.push(nowMs);
    fullness = handOver(fullness, nowMs);
    bornMs = nowMs;
  }
  return times;
}

test("three beats in a row at the share are full, and two with a better one between are not", () => {
  for (const [shares, kind] of [
    [[], "fine"],
    [[0.84, 0.84, 0.84, 0.84], "fine"],
    [[0.85, 0.85], "fine"],
    [[0.85, 0.85, 0.85], "replace"],
    [[0.9, 0.9, 0.84, 0.9, 0.9], "fine"],
    [[0.9, 0.84, 0.9, 0.9, 0.9], "replace"],
  ] as const) {
    const verdict = judgeFullness(hearAll(neverFull, shares, 0), 10 * second);
    assert.equal(verdict.kind, kind, shares.join(" "));
  }
});

test("a process that died and came back begins anew", () => {
  const full = emptied(hearAll(neverFull, [0.9, 0.9], 0));
  assert.equal(judgeFullness(hearAll(full, [0.9, 0.9], 5 * second), 6 * second).kind, "fine");
});

test("a place is left alone for a minute after it was replaced, and is then replaced if full", () => {
  const successor = handOver(hearAll(neverFull, [0.9, 0.9, 0.9], 0), 10 * second);
  const full = hearAll(successor, [0.9, 0.9, 0.9], 20 * second);
  assert.deepEqual(judgeFullness(full, 30 * second), { kind: "rest", leftMs: 40 * second });
  assert.deepEqual(judgeFullness(full, 70 * second), { kind: "replace" });
});

test("what needs so much by right is replaced ever more seldom: at last once an hour", () => {
  const times = replacements(12 * 60 * minute, 5 * second);
  const gaps = times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / minute));
  assert.deepEqual(gaps.slice(0, 8), [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.ok(times.length <= 18, `${times.length} in twelve hours`);
});

test("a leak of hours is cured each time at once: a long life clears the record", () => {
  const times = replacements(12 * 60 * minute, 120 * minute);
  assert.deepEqual(
    times.map((at) => Math.round(at / minute)),
    [120, 240, 360, 480, 600],
  );
});
