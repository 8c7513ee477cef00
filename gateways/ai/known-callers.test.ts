import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownCallers } from "./known-callers.ts";

function callers(clock: { ms: number }) {
  return new KnownCallers({
    clock: { nowMs: () => clock.ms, monotonicMs: () => clock.ms },
    capacity: 100,
    outageMsMax: 30_000,
    goneMsMax: 30_000,
    refusalKeptMs: 1_000,
    lookUpsMax: 10,
    lookUp: (keyId) =>
      Promise.resolve({
        refusal: "",
        sequence: 0n,
        identity: {
          claims: {
            ...{ organisationId: "org_1", projectId: "", userId: "", keyId, sessionId: "" },
            ...{ scopes: [], roles: [] },
          },
          name: keyId,
          scopes: new Set(),
          permissions: new Set(),
          expiresAtMs: 0,
          policyVersion: "",
          priority: 1,
          mayUseModel: () => true,
          mayUseEndpoint: () => true,
          mayComeFrom: () => true,
        },
      }),
  });
}

test("a key is reported once however often it comes, with a time at which it really came", async () => {
  const clock = { ms: 1_000 };
  const known = callers(clock);
  known.hear({ sequence: 0n, revocations: [], reset: false });
  const one = await known.resolve("key_1");
  const other = await known.resolve("key_2");
  for (clock.ms = 1_001; clock.ms < 1_100; clock.ms += 1) known.admit(one);
  known.admit(other);
  assert.deepEqual(known.takeUses(), [
    { keyId: "key_1", usedAtMs: 1_001 },
    { keyId: "key_2", usedAtMs: 1_100 },
  ]);
  assert.deepEqual(known.takeUses(), []);
  known.admit(one);
  assert.deepEqual(known.takeUses(), [{ keyId: "key_1", usedAtMs: 1_100 }]);
});

test("a caller that is not let in has not used its key", async () => {
  const known = callers({ ms: 1_000_000 });
  const one = await known.resolve("key_1");
  assert.throws(() => known.admit(one), { reason: "identity.unavailable" });
  assert.deepEqual(known.takeUses(), []);
});
