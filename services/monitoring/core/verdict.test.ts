import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./verdict.ts";

const expected = [
  { id: "auth-1", deployable: "auth" },
  { id: "auth-2", deployable: "auth" },
];
const sample = (replicaId: string, atMs: number, state = "ready") => ({
  replicaId,
  deployable: "auth",
  atMs,
  state,
});

test("the platform is healthy only while every replica says it is ready", () => {
  const both = [sample("auth-1", 0), sample("auth-2", 0)];
  assert.equal(judge(both, { expected, nowMs: 1_000 }).state, "healthy");
  const one = judge([sample("auth-1", 0)], { expected, nowMs: 1_000 });
  assert.deepEqual(
    [one.state, one.sentence],
    ["degraded", "Not ready: auth-2. Their twins serve."],
  );
  const draining = [sample("auth-1", 0), sample("auth-2", 0, "draining")];
  assert.equal(judge(draining, { expected, nowMs: 1_000 }).state, "degraded");
});

test("a replica that fell silent is gone, and a service without any is down", () => {
  const both = [sample("auth-1", 0), sample("auth-2", 0)];
  const verdict = judge(both, { expected, nowMs: 60_000 });
  assert.deepEqual([verdict.state, verdict.sentence], ["down", "No replica is ready of: auth."]);
});
