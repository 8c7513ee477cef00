import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { auditText } from "./audit-chain.ts";
import { problemOfKey } from "./key-fields.ts";
import { displayOf, earlierEnd, keyState } from "./key-state.ts";
import { emailRule, pauseMs, takeAttempt } from "./lock-out.ts";
import {
  mayChangeRole,
  organisationRoles,
  permissionsBeyond,
  permissionsOf,
  permissionsOfRoles,
  platformRoles,
  roles,
  scopes,
} from "./permissions.ts";
import { isSessionAlive, sessionEndMs } from "./session-life.ts";

test("a person's key never does more than its scopes, nor more than the person may today", () => {
  fc.assert(
    fc.property(fc.subarray([...scopes]), fc.subarray([...roles]), (ownScopes, ownRoles) => {
      const key = { keyId: "key_1", userId: "usr_1", scopes: ownScopes, roles: ownRoles };
      const allowed = permissionsOf(key);
      const byRoles = permissionsOfRoles(ownRoles);
      const byScopes = permissionsOf({ ...key, userId: "" });
      for (const name of allowed) assert.ok(byRoles.has(name) && byScopes.has(name), name);
      assert.deepEqual(permissionsBeyond(allowed, []), []);
    }),
  );
});

test("an owner may do everything in an organisation and nothing that is the platform's", () => {
  const owner = permissionsOfRoles(["owner"]);
  const platform = permissionsOfRoles(["platform:owner"]);
  for (const role of organisationRoles) {
    for (const name of permissionsOfRoles([role]))
      assert.ok(owner.has(name) && !platform.has(name));
  }
  for (const role of platformRoles) {
    for (const name of permissionsOfRoles([role]))
      assert.ok(platform.has(name) && !owner.has(name));
  }
  const admin = { keyId: "key_1", userId: "", scopes: ["admin", "manage:write"], roles: [] };
  for (const name of permissionsOf(admin)) assert.ok(!platform.has(name), name);
  assert.equal(permissionsOf({ ...admin, scopes: ["inference"] }).size, 0);
  assert.equal(permissionsOfRoles(["emperor", "__proto__", "constructor"]).size, 0);
});

test("nobody hands on a role that may do more than the giver", () => {
  const admin = permissionsOfRoles(["admin"]);
  assert.ok(mayChangeRole(admin, "developer") && mayChangeRole(admin, "admin"));
  assert.ok(!mayChangeRole(admin, "owner"));
  const owner = permissionsOfRoles(["owner"]);
  assert.ok(mayChangeRole(owner, "owner"));
  for (const role of platformRoles) assert.ok(!mayChangeRole(owner, role), role);
  for (const role of platformRoles) {
    assert.equal(
      mayChangeRole(permissionsOfRoles([role]), "platform:finance"),
      role === "platform:owner",
    );
  }
  assert.ok(!mayChangeRole(permissionsOfRoles(["platform:owner"]), "viewer"));
  for (const role of ["finance", "operator", "developer", "viewer"]) {
    assert.ok(!mayChangeRole(permissionsOfRoles([role]), "viewer"), role);
  }
});

test("guesses at once are counted like one after the other, with pauses that double", () => {
  let count: Parameters<typeof takeAttempt>[0];
  let allowed = 0;
  for (let guess = 0; guess < 100; guess += 1) {
    const decision = takeAttempt(count, emailRule, 1_000);
    if (!decision.allowed) continue;
    allowed += 1;
    ({ count } = decision);
  }
  assert.equal(allowed, emailRule.freeAttempts);
  assert.deepEqual(
    [1, 4, 5, 6, 7, 40].map((n) => pauseMs(n, emailRule)),
    [0, 0, 1_000, 2_000, 4_000, 900_000],
  );
});

test("after an hour of quiet all is forgotten; a block ends when it says", () => {
  const known = { attempts: 9, lastAtMs: 0, blockedUntilMs: 16_000 };
  const early = takeAttempt(known, emailRule, 10_000);
  assert.deepEqual(early, { allowed: false, retryAfterMs: 6_000 });
  const later = takeAttempt(known, emailRule, 16_000);
  assert.ok(later.allowed && later.count.attempts === 10);
  const muchLater = takeAttempt(known, emailRule, 3_600_000);
  assert.ok(muchLater.allowed && muchLater.count.attempts === 1);
});

test("a key's state: revoked wins over expired, both over active", () => {
  assert.equal(keyState({ expiresAtMs: undefined, revokedAtMs: undefined }, 5), "active");
  assert.equal(keyState({ expiresAtMs: 5, revokedAtMs: undefined }, 5), "expired");
  assert.equal(keyState({ expiresAtMs: 6, revokedAtMs: undefined }, 5), "active");
  assert.equal(keyState({ expiresAtMs: 4, revokedAtMs: 1 }, 5), "revoked");
  assert.equal(earlierEnd(undefined, 3), 3);
  assert.equal(earlierEnd(2, 3), 2);
  assert.equal(earlierEnd(undefined, undefined), undefined);
});

test("what is shown of a secret gives seven of its characters away", () => {
  const secret = `sk-tdm-live_${"a".repeat(32)}wxyz`;
  assert.equal(displayOf(secret), "sk-tdm-live_aaa…wxyz");
});

test("a session ends when idle, at its absolute end, or when it was ended", () => {
  const rule = { idleMs: 30, absoluteMs: 100, touchMs: 1 };
  const open = { createdAtMs: 0, seenAtMs: 10, endedAtMs: undefined };
  assert.equal(sessionEndMs(open, rule), 40);
  assert.equal(sessionEndMs({ ...open, seenAtMs: 90 }, rule), 100);
  assert.ok(isSessionAlive(open, rule, 39));
  assert.ok(!isSessionAlive(open, rule, 40));
  assert.ok(!isSessionAlive({ ...open, endedAtMs: 20 }, rule, 15));
});

test("no two audit entries have the same text to be hashed", () => {
  const field = fc.string();
  const entry = fc.record({
    sequence: fc.bigInt({ min: 0n, max: 9n }),
    atMs: fc.bigInt({ min: 0n, max: 9n }),
    organisationId: field,
    actor: field,
    action: field,
    target: field,
    beforeJson: field,
    afterJson: field,
    requestId: field,
  });
  fc.assert(
    fc.property(entry, entry, (one, other) => {
      const isSame = Object.keys(one).every(
        (name) => one[name as keyof typeof one] === other[name as keyof typeof one],
      );
      assert.equal(auditText(one) === auditText(other), isSame);
    }),
  );
});

test("a key's lists are judged before anything is stored", () => {
  const good = {
    name: "CI",
    scopes: ["inference"],
    allowedModels: ["qwen-*", "org/model:7b"],
    allowedEndpoints: ["chat"],
    allowedAddresses: ["10.0.0.0/8"],
    priority: "sheddable",
  };
  const isRange = (text: string): boolean => text === "10.0.0.0/8";
  assert.equal(problemOfKey(good, isRange), undefined);
  const bad: Partial<typeof good>[] = [
    { name: "" },
    { name: "x".repeat(101) },
    { scopes: [] },
    { scopes: ["root"] },
    { scopes: ["inference", "inference"] },
    { allowedModels: ["a*b"] },
    { allowedModels: ["\n"] },
    { allowedEndpoints: ["everything"] },
    { allowedAddresses: ["10.0.0.0/99"] },
    { priority: "urgent" },
    { allowedModels: Array.from({ length: 65 }, (_, index) => `m${index}`) },
  ];
  for (const change of bad) {
    assert.notEqual(
      problemOfKey({ ...good, ...change }, isRange),
      undefined,
      JSON.stringify(change),
    );
  }
});
