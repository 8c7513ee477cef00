import assert from "node:assert/strict";
import { test } from "node:test";
import { chaosTable, shortcomings } from "./chaos-table.ts";
import type { KillLoopReport, Victims } from "./kill-loop.ts";

const clean: KillLoopReport = {
  kills: 12,
  load: {
    ...{ calls: 900, streams: 40, failures: [], retried: 0, costNanos: 5_000n },
    ...{ callMsP50: 5, callMsP99: 80, callMsMax: 120 },
    ...{ resumed: 7, seamMsP50: 40, seamMsP99: 90 },
  },
  recoveryMsMax: 900,
  recoveryMsP50: 600,
  settledMs: 10,
  books: { isSound: true, spentNanos: 5_000n },
};

const failure = { kind: "stream", atMs: 1, status: 200, detail: "" } as const;

function wrongWith(
  given: Partial<KillLoopReport>,
  load: Partial<KillLoopReport["load"]> = {},
  victims: Victims = "services",
): string[] {
  return shortcomings({
    victims,
    report: { ...clean, ...given, load: { ...clean.load, ...load } },
  });
}

test("a clean run passes, and a run in which nobody died proves nothing", () => {
  assert.deepEqual(wrongWith({}), []);
  assert.deepEqual(wrongWith({ kills: 0 }), ["nobody was killed"]);
});

test("a stream may end with its router, and goes on when its gateway dies", () => {
  const failures = [{ ...failure, what: "truncated" }] as const;
  assert.deepEqual(wrongWith({}, { failures }, "routers"), []);
  assert.deepEqual(wrongWith({}, { failures }, "services"), ["streams were cut"]);
  assert.deepEqual(wrongWith({}, { failures }, "gateways"), ["streams were cut"]);
});

test("failed calls, streams that only look whole and wrong answers fail whoever was killed", () => {
  const failures = [
    { ...failure, kind: "call", what: "failed" },
    { ...failure, what: "unmarked" },
    { ...failure, what: "wrong" },
  ] as const;
  assert.deepEqual(wrongWith({}, { failures }, "any"), [
    "calls failed",
    "a cut stream looked whole",
    "answers were wrong",
  ]);
});

test("late and missing replacements fail", () => {
  assert.deepEqual(wrongWith({ recoveryMsMax: 6_000, settledMs: undefined }), [
    "a replacement was late",
    "not all processes came back",
  ]);
});

test("answers are charged, once, and the ledger adds up", () => {
  const books = (spentNanos: bigint, isSound = true) => ({ books: { isSound, spentNanos } });
  assert.deepEqual(wrongWith(books(4_999n)), ["an answer was not charged"]);
  assert.deepEqual(wrongWith(books(5_001n)), ["an answer was charged twice"]);
  assert.deepEqual(wrongWith(books(5_000n, false)), ["the ledger does not add up"]);
  // An answer that was lost on its way to the client was given all the same.
  assert.deepEqual(wrongWith(books(5_001n), { retried: 1 }), []);
});

test("the table says what was done and what came of it", () => {
  const shape = { callsPerSecond: 50, streams: 100, streamTokens: 50 };
  const table = chaosTable([{ victims: "any", shape, report: clean }]);
  const row =
    "| kill -9 any process | 50 calls/s, 100 streams | 12 | 900 | 40 | 0 | 0 | 0 | 0 | 7 | 40 / 90 ms | 80 ms | " +
    "600 / 900 ms | 0.00 | pass |";
  assert.equal(table.split("\n")[2], row);
});
