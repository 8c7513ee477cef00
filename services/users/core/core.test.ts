import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cleanEmail, cleanName, isLanguage, isTheme, isTimeZone } from "./fields.ts";
import { invitationState } from "./invitation-state.ts";
import { mayWrite } from "./write-authority.ts";

test("a clean name or address stays as it is when it is cleaned again", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const clean of [cleanName, cleanEmail]) {
        const once = clean(text);
        if (once !== undefined) assert.equal(clean(once), once);
      }
    }),
  );
  assert.equal(cleanEmail(" Ann@Example.COM "), "ann@example.com");
  for (const text of ["", "a", "a@", "@b", "a b@c", `${"x".repeat(255)}@b.c`]) {
    assert.equal(cleanEmail(text), undefined, text);
  }
  for (const text of ["", "  ", "a\nb", "x".repeat(101)]) assert.equal(cleanName(text), undefined);
});

test("preferences are those that the console can follow", () => {
  assert.ok(["en", "fr", "zh-Hans", "pt-BR"].every(isLanguage));
  assert.ok(!["", "english", "EN", "en_GB"].some(isLanguage));
  assert.ok(isTheme("dark") && !isTheme("pink"));
  assert.ok(isTimeZone("Europe/Paris") && isTimeZone("UTC"));
  assert.ok(!isTimeZone("Mars/Olympus") && !isTimeZone("") && !isTimeZone("x".repeat(99)));
});

test("an invitation's states follow one another and none comes back", () => {
  const times = {
    expiresAtMs: 100,
    acceptedAtMs: undefined,
    completedAtMs: undefined,
    revokedAtMs: undefined,
  };
  assert.equal(invitationState(times, 99), "open");
  assert.equal(invitationState(times, 100), "expired");
  assert.equal(invitationState({ ...times, revokedAtMs: 5 }, 6), "revoked");
  const accepted = { ...times, acceptedAtMs: 50 };
  assert.equal(invitationState(accepted, 200), "accepted", "an acceptance may outlast the expiry");
  assert.equal(invitationState(accepted, 50 + 3_600_000), "complete");
  assert.equal(invitationState({ ...accepted, completedAtMs: 60 }, 61), "complete");
});

test("writing takes a scope for a key, a role for a person, both for a person's key", () => {
  const nobody = { keyId: "", userId: "", scopes: [], roles: [] };
  assert.ok(!mayWrite(nobody));
  assert.ok(mayWrite({ ...nobody, userId: "u", roles: ["owner"] }));
  assert.ok(!mayWrite({ ...nobody, userId: "u", roles: ["developer", "viewer"] }));
  assert.ok(mayWrite({ ...nobody, keyId: "k", scopes: ["manage:write"] }));
  assert.ok(!mayWrite({ ...nobody, keyId: "k", scopes: ["manage:read"] }));
  assert.ok(!mayWrite({ keyId: "k", userId: "u", scopes: ["admin"], roles: ["viewer"] }));
  assert.ok(!mayWrite({ keyId: "k", userId: "u", scopes: ["inference"], roles: ["owner"] }));
});
