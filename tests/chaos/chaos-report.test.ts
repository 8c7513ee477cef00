import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catalogue } from "./catalogue.ts";
import { noneFailed, nothingNoticed, type Row } from "./fault.ts";
import { goalsOf } from "./goals.ts";
import { faultTable, goalTable } from "./report.ts";

const root = join(import.meta.dirname, "../..");

const row = (given: Partial<Row>): Row => ({
  ...{ id: "F01", what: "kill", load: "15/s", failed: 0, truncated: 0, recoveryMs: 400 },
  ...{ figures: {}, verdict: "pass", reasons: [] },
  ...given,
});

test("the catalogue has every fault from F01 to F54, in order, each once", () => {
  const numbers = catalogue.map(({ id }) => id).filter((id) => /^F\d\d$/.test(id));
  const all = Array.from({ length: 54 }, (_, at) => `F${String(at + 1).padStart(2, "0")}`);
  assert.deepEqual(numbers.toSorted(), all);
  const ids = catalogue.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test("whatever is named as a proof is there, and has tests of that name", () => {
  for (const { id, proofs = [] } of catalogue) {
    for (const { file, tests } of proofs) {
      const text = readFileSync(join(root, file), "utf8");
      const titles = [...text.matchAll(/test\(\s*["'`](.+?)["'`],/g)].map(([, title]) => title);
      assert.ok(titles.length > 0, `${id}: ${file} has no tests`);
      const isThere = tests === undefined || titles.some((title) => tests.test(title ?? ""));
      assert.ok(isThere, `${id}: no test of ${file} is like ${tests}`);
    }
  }
});

test("a goal is met only when its rows passed and its figures are within their limits", () => {
  const verdictOf = (rows: readonly Row[], id: string) =>
    goalsOf(rows).find((goal) => goal.id === id)?.verdict ?? "";
  const fast = { figures: { recoveryMsP50: 450 } };
  const both = [row(fast), row({ ...fast, id: "F02" })];
  assert.equal(verdictOf(both, "G1"), "met");
  const slow = [row({ figures: { recoveryMsP50: 900 } }), row({ id: "F02" })];
  assert.equal(verdictOf(slow, "G1"), "missed: recoveryMsP50 900 > 500");
  const broken = [row({ verdict: "FAIL", reasons: ["3 failed"] }), row({ id: "F02" })];
  assert.equal(verdictOf(broken, "G1"), "missed: F01 3 failed");
  assert.match(verdictOf([row(fast)], "G1"), /^not run: F02/);
});

test("no goal from G1 to G19 is left out, whatever was run", () => {
  const ids = goalsOf([]).map(({ id }) => id);
  assert.deepEqual(
    ids,
    Array.from({ length: 19 }, (_, at) => `G${at + 1}`),
  );
  assert.ok(goalsOf([]).every(({ verdict }) => verdict.startsWith("not run: ")));
  assert.equal(goalTable(goalsOf([])).split("\n").length, 21);
});

test("a row says what was noticed, how soon it was over, and why it failed", () => {
  const lines = faultTable([
    row({ figures: { kills: 8, resumed: 0 } }),
    row({ id: "F02", failed: 2, verdict: "FAIL", reasons: ["2 failed", "settled twice"] }),
  ]).split("\n");
  assert.equal(lines[2], "| F01 kill | 15/s | 0 | 0 | 400 ms | pass | kills 8 |");
  assert.match(lines[3] ?? "", /FAIL: 2 failed: settled twice/);
});

test("cut streams are held against whoever may not cut; failed, wrong and unmarked against all", () => {
  const load = (what: "failed" | "truncated" | "unmarked" | "wrong", kind: "call" | "stream") => ({
    ...{ calls: 1, streams: 1, retried: 0, costNanos: 0n, resumed: 0, slow: 0, refused: 0 },
    ...{ seamMsP50: 0, seamMsP99: 0, callMsP50: 0, callMsP99: 0, callMsP999: 0, callMsMax: 0 },
    ...{ marks: new Map(), upstreamAttempts: 1 },
    failures: [{ what, kind, atMs: 0, status: 200, detail: "" }],
  });
  assert.deepEqual(noneFailed({ load: load("truncated", "stream") }), []);
  assert.deepEqual(nothingNoticed({ load: load("truncated", "stream") }), ["1 cut"]);
  assert.deepEqual(noneFailed({ load: load("truncated", "call") }), ["1 calls cut"]);
  assert.deepEqual(noneFailed({ load: load("unmarked", "stream") }), ["1 cut and looked whole"]);
  assert.deepEqual(noneFailed({ load: load("failed", "stream") }), ["1 failed"]);
});
