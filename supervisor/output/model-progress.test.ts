import assert from "node:assert/strict";
import { test } from "node:test";
import { modelProgress } from "./model-progress.ts";

const line = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ level: "info", model: "smol", ...fields, event: "engine_model_state" });

test("a download is a bar that the next line overwrites", () => {
  const half = line({
    kind: "obtaining",
    source: "package index",
    doneBytes: 47_185_920,
    totalBytes: 94_371_840,
  });
  assert.deepEqual(modelProgress(half), {
    text: `  ↓ model               smol ${"█".repeat(12)}${"░".repeat(12)} 50 % of 90 MiB from package index`,
    isFinal: false,
  });
  const unknown = modelProgress(line({ kind: "obtaining", doneBytes: 1, totalBytes: 0 }));
  assert.match(unknown?.text ?? "", / 0 % of 0 MiB$/);
});

test("the end of it stays on the screen", () => {
  assert.deepEqual(modelProgress(line({ kind: "ready" })), {
    text: "  ✓ model               smol",
    isFinal: true,
  });
  assert.equal(modelProgress(line({ kind: "failed", reason: "no source" }))?.isFinal, true);
});

test("other lines are none of its business", () => {
  assert.equal(modelProgress('{"event":"opened"}'), undefined);
  assert.equal(modelProgress('"event":"engine_model_state"'), undefined);
});
