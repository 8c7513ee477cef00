import assert from "node:assert/strict";
import { test } from "node:test";
import { affectedDeployables } from "./affected-deployables.ts";

test("a change restarts what loads the file, and nothing else", () => {
  assert.deepEqual(affectedDeployables("services/auth/operations/verify-key.ts"), ["auth"]);
  assert.deepEqual(affectedDeployables("services/inference/engine/main.ts"), ["engine"]);
  assert.deepEqual(affectedDeployables("services/inference/run.ts"), ["inference"]);
  assert.deepEqual(affectedDeployables("gateways/ai/phases/generate.ts"), ["ai"]);
  assert.deepEqual(affectedDeployables("router/run.ts"), ["router"]);
  assert.equal(affectedDeployables("libs/http/index.ts"), "all");
  assert.equal(affectedDeployables("contracts/gen/rpc/auth/v1/auth_pb.js"), "all");
  assert.equal(affectedDeployables("supervisor/host.ts"), "all");
});

test("tests, documents and the supervisor itself restart nothing", () => {
  assert.equal(affectedDeployables("services/auth/operations/verify-key.test.ts"), undefined);
  assert.equal(affectedDeployables("services/auth/README.md"), undefined);
  assert.equal(affectedDeployables("supervisor/fleet/fleet.ts"), undefined);
  assert.equal(affectedDeployables("libs/testing/index.ts"), undefined);
  assert.equal(affectedDeployables("bench/main.ts"), undefined);
});
