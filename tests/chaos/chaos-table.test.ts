import assert from "node:assert/strict";
import { test } from "node:test";
import { chaosTable, shortcomings } from "./chaos-table.ts";
import type { KillLoopReport } from "./kill-loop.ts";

const clean: KillLoopReport = {
  kills: 12,
  load: {
    ...{ calls: 900, streams: 40, failures: [], retried: 3 },
    ...{ callMsP50: 5, callMsP99: 80, callMsMax: 120 },
  },
  recoveryMsMax: 900,
  recoveryMsP50: 600,
  settledMs: 10,
};

const failure = { kind: "stream", atMs: 1, status: 200, detail: "" } as const;

test("a clean run passes, and a run in which nobody died proves nothing", () => {
  assert.deepEqual(shortcomings(clean), []);
  assert.deepEqual(shortcomings({ ...clean, kills: 0 }), ["nobody was killed"]);
});

test("cut streams, wrong answers, late and missing replacements all fail", () => {
  const failures = [
    { ...failure, what: "truncated" },
    { ...failure, what: "wrong" },
  ] as const;
  const bad = { ...clean, load: { ...clean.load, failures }, recoveryMsMax: 6_000 };
  assert.deepEqual(shortcomings({ ...bad, settledMs: undefined }), [
    "streams were cut",
    "answers were wrong",
    "a replacement was late",
    "not all processes came back",
  ]);
});

test("the table says what was done and what came of it", () => {
  const shape = { callsPerSecond: 50, streams: 100, streamTokens: 50 };
  const table = chaosTable([{ victims: "any", shape, report: clean }]);
  const row =
    "| kill -9 any process | 50 calls/s, 100 streams | 12 | 900 | 40 | 0 | 0 | 0 | 3 | 80 ms | " +
    "600 / 900 ms | pass |";
  assert.equal(table.split("\n")[2], row);
});
