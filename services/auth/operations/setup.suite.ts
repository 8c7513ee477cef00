import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type AuthHouse, setupToken } from "../auth-house.suite.ts";

const request = {
  token: setupToken,
  organisationName: "Example Ltd",
  email: "Owner@Example.com",
  password: "correct horse battery",
};

/** Runs first: the other suites find an owner. */
export function setupSuite(house: () => AuthHouse): void {
  describe("RedeemSetup", () => {
    test("refused: a wrong token, details that are none, a short password", async () => {
      const { first } = house();
      const refused = (change: object) => refusalOf(first.redeemSetup({ ...request, ...change }));
      assert.equal(await refused({ token: "guess" }), "auth.setup_refused");
      assert.equal(await refused({ token: "" }), "auth.setup_refused");
      assert.equal(await refused({ email: "nobody" }), "auth.setup_malformed");
      assert.equal(await refused({ organisationName: " " }), "auth.setup_malformed");
      assert.equal(await refused({ password: "short" }), "auth.password_refused");
    });

    test("broken off at any step, the same request finishes the same setup", async () => {
      const { first } = house();
      for (const step of ["createOrganisation", "createUser", "createProject"]) {
        house().breakOff = (operation) => {
          if (operation === step) throw new Error(`killed before ${step}`);
        };
        assert.notEqual(await refusalOf(first.redeemSetup(request)), "none", step);
      }
      house().breakOff = undefined;
      const made = await first.redeemSetup(request);
      assert.equal(house().people.size, 1);
      assert.deepEqual([made.organisationId, made.projectId], ["org_a", "prj_1"]);
    });

    test("once begun, other details are refused: nobody becomes owner by a slip", async () => {
      const other = { ...request, email: "someone@else.example" };
      assert.equal(await refusalOf(house().first.redeemSetup(other)), "auth.setup_differs");
    });

    test("before its first use it can be repeated, at once and on both replicas", async () => {
      const { first, second } = house();
      const made = await Promise.all([
        first.redeemSetup(request),
        second.redeemSetup(request),
        first.redeemSetup(request),
      ]);
      assert.equal(new Set(made.map(({ userId }) => userId)).size, 1);
      const keys = await house().database.selectFrom("keys").select("id").execute();
      assert.equal(keys.length, 2, "one key to administer and one to infer with");
      assert.equal(new Set(made.map(({ adminKey }) => adminKey)).size, 3);
    });

    test("ok: the admin key may do everything, the other one infers only", async () => {
      const earlier = await house().first.redeemSetup(request);
      assert.equal((await house().verify(earlier.inferenceKey)).refusal, "");
      // A program that tries the inference key before the answer is kept must not lock anybody out.
      const made = await house().first.redeemSetup(request);
      const admin = await house().verify(made.adminKey);
      assert.ok(admin.identity?.permissions.includes("credits:write"));
      assert.deepEqual(admin.identity?.roles, ["owner", "platform:owner"]);
      const inference = await house().verify(made.inferenceKey, house().second);
      assert.deepEqual(inference.identity?.scopes, ["inference", "models:read"]);
      assert.deepEqual(inference.identity?.permissions, ["models:read"]);
    });

    test("after the first use the token opens nothing any more", async () => {
      assert.equal(await refusalOf(house().first.redeemSetup(request)), "auth.setup_refused");
      assert.equal(await refusalOf(house().second.redeemSetup(request)), "auth.setup_refused");
      const tokens = await house().database.selectFrom("setup_tokens").selectAll().execute();
      assert.equal(tokens.length, 0);
    });
  });
}
