import assert from "node:assert/strict";
import { test } from "node:test";
import { describeState, retryAfterMs } from "./model-state.ts";

test("progress is told in bytes and as a share, and a failure says when to come back", () => {
  const state = { kind: "obtaining", source: "pip", doneBytes: 25, totalBytes: 100 } as const;
  assert.deepEqual(describeState(state), {
    state: "downloading",
    message: "Downloading from pip: 25 %.",
    progress: 0.25,
    done_bytes: 25,
    total_bytes: 100,
  });
  const failed = { kind: "failed", reason: "r", message: "No.", retryInMs: 7000 } as const;
  assert.deepEqual(describeState(failed), { state: "failed", message: "No." });
  assert.equal(retryAfterMs(failed), 7000);
});
