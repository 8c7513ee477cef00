import assert from "node:assert/strict";
import { test } from "node:test";
import {
  appliesTo,
  mayApplyWithin,
  narrowestField,
  type Subject,
  scopedBy,
  scopeOf,
} from "./subject.ts";

const nobody: Subject = {
  organisationId: "org_a",
  projectId: "",
  userId: "",
  keyId: "",
  model: "",
};
const caller: Subject = {
  ...nobody,
  projectId: "prj_1",
  userId: "usr_1",
  keyId: "key_1",
  model: "small",
};

test("a rule covers a caller when every field it names agrees", () => {
  assert.ok(appliesTo(nobody, caller));
  assert.ok(appliesTo({ ...nobody, keyId: "key_1", model: "small" }, caller));
  assert.ok(!appliesTo({ ...nobody, keyId: "key_1", model: "large" }, caller));
  assert.ok(!appliesTo({ ...nobody, organisationId: "org_b" }, caller));
  assert.ok(!appliesTo({ ...nobody, projectId: "prj_1" }, { ...caller, projectId: "" }));
});

test("leases are told apart by the fields that some rule names, and by no others", () => {
  assert.deepEqual(scopedBy([nobody]), []);
  const rules = [
    { ...nobody, model: "small" },
    { ...nobody, keyId: "key_9" },
  ];
  assert.deepEqual(scopedBy(rules), ["key", "model"]);
  assert.deepEqual(scopeOf(caller, ["key", "model"]).subject, {
    ...nobody,
    keyId: "key_1",
    model: "small",
  });
});

test("a lease that does not tell a field apart may serve any value of it", () => {
  const wide = scopeOf(caller, []);
  const byKey = scopeOf(caller, ["key"]);
  const rule = { ...nobody, keyId: "key_2" };
  assert.ok(mayApplyWithin(rule, wide));
  assert.ok(!mayApplyWithin(rule, byKey));
  assert.ok(mayApplyWithin({ ...rule, keyId: "key_1" }, byKey));
  assert.ok(!mayApplyWithin({ ...rule, organisationId: "org_b" }, wide));
});

test("an absent field that is told apart is nobody, not anybody", () => {
  const withoutProject = scopeOf({ ...caller, projectId: "" }, ["project"]);
  assert.ok(!mayApplyWithin({ ...nobody, projectId: "prj_1" }, withoutProject));
});

test("the limit that was hit is named by its narrowest field", () => {
  assert.equal(narrowestField(nobody), "organisation");
  assert.equal(narrowestField({ ...nobody, projectId: "p", keyId: "k" }), "key");
  assert.equal(narrowestField({ ...nobody, model: "m" }), "model");
});
