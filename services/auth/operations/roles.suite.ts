import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type AuthHouse, claims, organisation } from "../auth-house.suite.ts";

const as = (role: string, organisationId = organisation) => ({
  caller: claims({
    organisationId,
    userId: `usr_${role}`,
    keyId: "",
    sessionId: "s",
    roles: [role],
  }),
});

export function roleSuite(house: () => AuthHouse): void {
  const grant = (userId: string, role: string, options: object) =>
    house().first.grantRole({ organisationId: organisation, userId, role }, options);
  const revoke = (userId: string, role: string, options: object) =>
    house().second.revokeRole({ organisationId: organisation, userId, role }, options);

  describe("GrantRole and ListRoles", () => {
    test("ok: an owner grants; a second time changes nothing", async () => {
      await grant("usr_ann", "developer", as("owner"));
      await grant("usr_ann", "developer", as("admin"));
      const query = { organisationId: organisation, userId: "usr_ann" };
      const { grants } = await house().first.listRoles(query, as("developer"));
      assert.deepEqual(
        grants.map(({ role }) => role),
        ["developer"],
      );
    });

    test("refused: a role above one's own, no permission, another organisation, no role", async () => {
      const refused = (role: string, options: object) => refusalOf(grant("usr_x", role, options));
      assert.equal(await refused("owner", as("admin")), "auth.permission_missing");
      assert.equal(await refused("platform:finance", as("owner")), "auth.permission_missing");
      assert.equal(await refused("viewer", as("developer")), "auth.permission_missing");
      assert.equal(await refused("viewer", as("owner", "org_b")), "auth.permission_missing");
      assert.equal(await refused("emperor", as("owner")), "auth.role_unknown");
    });

    test("a check alone grants nothing", async () => {
      const check = { organisationId: organisation, userId: "usr_check", role: "viewer" };
      await house().first.grantRole({ ...check, onlyCheck: true }, as("admin"));
      const { grants } = await house().first.listRoles(
        { organisationId: organisation, userId: "usr_check" },
        as("owner"),
      );
      assert.deepEqual(grants, []);
    });

    test("one's own roles are readable to everybody, others' with a permission", async () => {
      const list = (userId: string) =>
        refusalOf(house().first.listRoles({ organisationId: organisation, userId }, as("viewer")));
      assert.equal(await list("usr_viewer"), "none");
      assert.equal(await list("usr_ann"), "auth.permission_missing");
      assert.equal(await list(""), "auth.permission_missing");
    });

    test("a person's keys follow its roles, and gateways hear of it", async () => {
      await grant("usr_kim", "viewer", as("owner"));
      const { key, secret } = await house().first.createKey(
        { organisationId: organisation, userId: "usr_kim", name: "k", scopes: ["admin"] },
        as("owner"),
      );
      assert.ok(!(await house().verify(secret)).identity?.permissions.includes("keys:write"));
      const { sequence } = await house().first.watchRevocations({});
      await grant("usr_kim", "admin", as("owner"));
      const news = await house().first.watchRevocations({ afterSequence: sequence, waitMs: 2_000 });
      assert.deepEqual(
        news.revocations.map(({ keyId }) => keyId),
        [key?.id],
      );
      assert.ok((await house().verify(secret)).identity?.permissions.includes("keys:write"));
    });
  });

  describe("RevokeRole", () => {
    test("with the last role the person's keys and sessions end", async () => {
      await grant("usr_lee", "developer", as("owner"));
      await grant("usr_lee", "viewer", as("owner"));
      const { secret } = await house().first.createKey(
        { organisationId: organisation, userId: "usr_lee", name: "k", scopes: ["inference"] },
        as("owner"),
      );
      await revoke("usr_lee", "developer", as("admin"));
      assert.equal((await house().verify(secret)).refusal, "");
      await revoke("usr_lee", "viewer", as("admin"));
      assert.equal((await house().verify(secret)).refusal, "revoked");
    });

    test("all roles at once, as when a member is removed; again it changes nothing", async () => {
      await grant("usr_max", "developer", as("owner"));
      await grant("usr_max", "operator", as("owner"));
      await revoke("usr_max", "", as("owner"));
      const query = { organisationId: organisation, userId: "usr_max" };
      assert.deepEqual((await house().first.listRoles(query, as("owner"))).grants, []);
      assert.equal(await refusalOf(revoke("usr_max", "", as("owner"))), "none");
    });

    test("refused: the last owner, even by two owners dismissing each other at once", async () => {
      const grants = await house().first.listRoles({ organisationId: organisation }, as("owner"));
      const first = grants.grants.find(({ role }) => role === "owner")?.userId ?? "";
      assert.equal(await refusalOf(revoke(first, "owner", as("owner"))), "auth.last_owner");
      await grant("usr_two", "owner", as("owner"));
      const answers = await Promise.all([
        refusalOf(revoke(first, "owner", as("owner"))),
        refusalOf(revoke("usr_two", "", as("owner"))),
      ]);
      assert.deepEqual(
        [...answers].sort((a, b) => (a < b ? -1 : 1)),
        ["auth.last_owner", "none"],
      );
      await grant(first, "owner", {});
    });

    test("refused: who may not give a role may not take it either", async () => {
      const { grants } = await house().first.listRoles(
        { organisationId: organisation },
        as("owner"),
      );
      const owner = grants.find(({ role }) => role === "owner")?.userId ?? "";
      assert.equal(await refusalOf(revoke(owner, "", as("admin"))), "auth.permission_missing");
      assert.equal(await refusalOf(revoke("usr_x", "", as("viewer"))), "auth.permission_missing");
    });
  });
}
