import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type AuthHouse, claims, organisation } from "../auth-house.suite.ts";

const fields = { organisationId: organisation, name: "CI", scopes: ["inference"] };
const admin = { caller: claims() };
const developer = (userId: string) => ({
  caller: claims({ userId, keyId: "", sessionId: "ses_1", scopes: [], roles: ["developer"] }),
});
const viewer = {
  caller: claims({ userId: "usr_v", keyId: "", sessionId: "s", roles: ["viewer"] }),
};
const stranger = { caller: claims({ organisationId: "org_b" }) };

export function keySuite(house: () => AuthHouse): void {
  const create = async (more: object = {}) => {
    const made = await house().first.createKey({ ...fields, ...more }, admin);
    assert.ok(made.key !== undefined);
    return { key: made.key, secret: made.secret };
  };

  describe("CreateKey and VerifyKey", () => {
    test("ok: the secret leads to the identity, on either replica; it is stored nowhere", async () => {
      const { key, secret } = await create({
        projectId: "prj_1",
        allowedModels: ["qwen*"],
        allowedAddresses: ["10.0.0.0/8"],
      });
      assert.match(secret, /^sk-tdm-test_[0-9A-Za-z]{36}$/);
      assert.equal(key.display, `${secret.slice(0, 15)}…${secret.slice(-4)}`);
      const { identity } = await house().verify(secret, house().second);
      assert.equal(identity?.keyId, key.id);
      assert.deepEqual(identity?.allowedModels, ["qwen*"]);
      assert.deepEqual(identity?.permissions, []);
      const rows = await house().database.selectFrom("key_secrets").selectAll().execute();
      assert.ok(!JSON.stringify(rows).includes(secret));
    });

    test("unknown, expired and revoked are answers, not errors", async () => {
      assert.equal((await house().verify("sk-tdm-test_wrong")).refusal, "unknown");
      const short = await house().first.verifyKey({ secretHash: new Uint8Array(3) });
      assert.equal(short.refusal, "unknown");
      const soon = BigInt(Date.now() + 60_000);
      const { key, secret } = await create({ expiresAtMs: soon });
      assert.equal((await house().verify(secret)).refusal, "");
      house().skipMs(61_000);
      assert.equal((await house().verify(secret)).refusal, "expired");
      house().skipMs(-61_000);
      await house().first.revokeKey({ organisationId: organisation, id: key.id }, admin);
      assert.equal((await house().verify(secret)).refusal, "revoked");
    });

    test("invalid: what is malformed, or expires in the past", async () => {
      const { first } = house();
      for (const change of [
        { name: "" },
        { scopes: ["root"] },
        { allowedAddresses: ["10.0.0.0/40"] },
        { expiresAtMs: 1n },
      ]) {
        const call = first.createKey({ ...fields, ...change }, admin);
        assert.equal(await refusalOf(call), "auth.key_malformed", String(Object.keys(change)));
      }
    });

    test("refused: another organisation, no permission, more than one may oneself", async () => {
      const { first } = house();
      const refused = (more: object, options: object) =>
        refusalOf(first.createKey({ ...fields, ...more }, options));
      assert.equal(await refused({}, stranger), "auth.permission_missing");
      assert.equal(await refused({}, viewer), "auth.permission_missing");
      assert.equal(await refused({}, developer("usr_1")), "auth.permission_missing");
      assert.equal(await refused({ userId: "usr_1" }, developer("usr_1")), "none");
      const grab = { userId: "usr_1", scopes: ["manage:write"] };
      assert.equal(await refused(grab, developer("usr_1")), "auth.key_scope_beyond");
    });

    test("a key has a priority; only who runs the platform makes one critical", async () => {
      const { first } = house();
      const platform = { caller: claims({ scopes: ["admin", "platform"] }) };
      const made = await first.createKey({ ...fields, priority: "critical" }, platform);
      assert.equal((await house().verify(made.secret)).identity?.priority, "critical");
      const grab = first.createKey({ ...fields, priority: "critical" }, admin);
      assert.equal(await refusalOf(grab), "auth.key_priority_beyond");
      const { key, secret } = await create({ priority: "sheddable" });
      const raised = { key: { ...key, priority: "critical" }, expectedVersion: 1n };
      assert.equal(await refusalOf(first.updateKey(raised, admin)), "auth.key_priority_beyond");
      // A gateway of the version before knows of none, and changes none.
      const renamed = { key: { ...key, name: "renamed", priority: "" }, expectedVersion: 1n };
      assert.equal((await first.updateKey(renamed, admin)).priority, "sheddable");
      assert.equal((await house().verify(secret)).identity?.priority, "sheddable");
      assert.equal((await create()).key.priority, "default");
    });

    test("a gateway alone may ask who is behind a key", async () => {
      const call = house().first.verifyKey({ secretHash: new Uint8Array(32) }, admin);
      assert.equal(await refusalOf(call), "auth.platform_only");
    });

    test("repeated before its first use it gives another secret in place of the lost one", async () => {
      const lost = await create({ idempotencyKey: "k1" });
      const again = await create({ idempotencyKey: "k1" });
      assert.equal(again.key.id, lost.key.id);
      assert.equal((await house().verify(lost.secret)).refusal, "unknown");
      assert.equal((await house().verify(again.secret)).refusal, "");
      const late = await create({ idempotencyKey: "k1" });
      assert.deepEqual([late.key.id, late.secret], [lost.key.id, ""]);
      assert.equal((await house().verify(again.secret)).refusal, "");
    });

    test("twenty times at once with one idempotency key make one key", async () => {
      const { first, second } = house();
      const calls = Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? first : second).createKey({ ...fields, idempotencyKey: "k2" }, admin),
      );
      const made = await Promise.all(calls);
      assert.equal(new Set(made.map(({ key }) => key?.id)).size, 1);
      const live = await Promise.all(made.map(({ secret }) => house().verify(secret)));
      assert.equal(live.filter(({ refusal }) => refusal === "").length, 1);
    });
  });

  describe("GetKey and ListKeys", () => {
    test("one sees everybody's keys, or one's own, or none at all", async () => {
      const { first } = house();
      const own = await create({ userId: "usr_own" });
      const other = await create();
      const get = (id: string, options: object) =>
        refusalOf(first.getKey({ organisationId: organisation, id }, options));
      assert.equal(await get(other.key.id, admin), "none");
      assert.equal(await get(own.key.id, developer("usr_own")), "none");
      assert.equal(await get(other.key.id, developer("usr_own")), "auth.key_not_found");
      assert.equal(await get(other.key.id, viewer), "auth.key_not_found");
      assert.equal(await get(other.key.id, stranger), "auth.key_not_found");
      assert.equal(await get("key_none", admin), "auth.key_not_found");
      const listed = await first.listKeys({ organisationId: organisation }, developer("usr_own"));
      assert.deepEqual(
        listed.keys.map(({ id }) => id),
        [own.key.id],
      );
      const refused = first.listKeys({ organisationId: organisation }, viewer);
      assert.equal(await refusalOf(refused), "auth.permission_missing");
    });

    test("pages meet without gap or overlap, newest first", async () => {
      const ids = [];
      for (let index = 0; index < 5; index += 1)
        ids.push((await create({ projectId: "prj_p" })).key.id);
      const seen: string[] = [];
      let after = "";
      for (let more = true; more; ) {
        const query = { organisationId: organisation, projectId: "prj_p", limit: 2, after };
        const page = await house().first.listKeys(query, admin);
        seen.push(...page.keys.map(({ id }) => id));
        after = seen.at(-1) ?? "";
        more = page.hasMore;
      }
      assert.deepEqual(seen, ids.reverse());
    });
  });

  describe("UpdateKey", () => {
    test("ok: the change is told to gateways and counts versions", async () => {
      const { key, secret } = await create();
      const { sequence: before } = await house().first.watchRevocations({});
      const wanted = { ...key, name: "renamed", scopes: ["inference", "models:read"] };
      const changed = await house().first.updateKey({ key: wanted, expectedVersion: 1n }, admin);
      assert.deepEqual([changed.name, changed.version], ["renamed", 2n]);
      const news = await house().second.watchRevocations({ afterSequence: before, waitMs: 2_000 });
      assert.equal(news.revocations[0]?.keyId, key.id);
      assert.deepEqual((await house().verify(secret)).identity?.scopes, [
        "inference",
        "models:read",
      ]);
    });

    test("refused: an older version, a revoked key, scopes one has not", async () => {
      const { first } = house();
      const { key } = await create({ userId: "usr_own" });
      const update = (wanted: object, expectedVersion: bigint, options: object) =>
        refusalOf(first.updateKey({ key: { ...key, ...wanted }, expectedVersion }, options));
      assert.equal(await update({}, 7n, admin), "auth.version_mismatch");
      const grab = { scopes: ["inference", "admin"] };
      assert.equal(await update(grab, 1n, developer("usr_own")), "auth.key_scope_beyond");
      assert.equal(await update({ name: "" }, 1n, admin), "auth.key_malformed");
      assert.equal(await update({}, 1n, stranger), "auth.key_not_found");
      await first.revokeKey({ organisationId: organisation, id: key.id }, admin);
      assert.equal(await update({}, 0n, admin), "auth.key_not_active");
    });
  });

  describe("RotateKey", () => {
    const rotate = (id: string, more: object = {}) =>
      house().first.rotateKey(
        { organisationId: organisation, id, overlapMs: 60_000, ...more },
        admin,
      );

    test("ok: both secrets work during the overlap, then the new one alone", async () => {
      const { key, secret } = await create();
      const next = (await rotate(key.id)).secret;
      assert.equal((await house().verify(secret)).refusal, "");
      const until = (await house().verify(secret)).identity?.expiresAtMs ?? 0n;
      assert.ok(until > BigInt(Date.now()) && until <= BigInt(Date.now() + 61_000));
      assert.equal((await house().verify(next)).identity?.expiresAtMs, 0n);
      house().skipMs(61_000);
      assert.equal((await house().verify(secret)).refusal, "expired");
      assert.equal((await house().verify(next)).refusal, "");
      house().skipMs(-61_000);
    });

    test("two secrets live at most: a second rotation ends the oldest at once", async () => {
      const { key, secret } = await create();
      const second = (await rotate(key.id)).secret;
      const third = (await rotate(key.id)).secret;
      const states = await Promise.all([secret, second, third].map((text) => house().verify(text)));
      assert.deepEqual(
        states.map(({ refusal }) => refusal),
        ["expired", "", ""],
      );
    });

    test("without overlap the old secret ends now", async () => {
      const { key, secret } = await create();
      await rotate(key.id, { overlapMs: 0 });
      assert.equal((await house().verify(secret)).refusal, "expired");
    });

    test("repeated after a lost answer it spares the secret in use", async () => {
      const { key, secret } = await create();
      const lost = (await rotate(key.id, { idempotencyKey: "r1" })).secret;
      const again = (await rotate(key.id, { idempotencyKey: "r1" })).secret;
      const states = await Promise.all([secret, lost, again].map((text) => house().verify(text)));
      assert.deepEqual(
        states.map(({ refusal }) => refusal),
        ["", "unknown", ""],
      );
    });

    test("refused: more than a day, a revoked key, another organisation", async () => {
      const { key } = await create();
      assert.equal(
        await refusalOf(rotate(key.id, { overlapMs: 86_400_001 })),
        "auth.key_malformed",
      );
      const foreign = house().first.rotateKey(
        { organisationId: organisation, id: key.id },
        stranger,
      );
      assert.equal(await refusalOf(foreign), "auth.key_not_found");
      await house().first.revokeKey({ organisationId: organisation, id: key.id }, admin);
      assert.equal(await refusalOf(rotate(key.id)), "auth.key_not_active");
    });
  });

  describe("RevokeKey and ReportKeyUse", () => {
    test("a second revocation changes nothing and tells nobody", async () => {
      const { key } = await create();
      const id = { organisationId: organisation, id: key.id };
      const first = await house().first.revokeKey(id, admin);
      const head = () =>
        house().database.selectFrom("revocation_head").select("sequence").execute();
      const before = await head();
      const second = await house().second.revokeKey(id, admin);
      assert.equal(second.revokedAtMs, first.revokedAtMs);
      assert.deepEqual(await head(), before);
      assert.equal(await refusalOf(house().first.revokeKey(id, viewer)), "auth.key_not_found");
    });

    test("the latest use wins, and none lies in the future", async () => {
      const { key } = await create();
      const uses = [
        { keyId: key.id, lastUsedAtMs: BigInt(Date.now() - 5_000) },
        { keyId: key.id, lastUsedAtMs: BigInt(Date.now() + 9_000_000) },
        { keyId: key.id, lastUsedAtMs: 1n },
      ];
      await house().first.reportKeyUse({ uses });
      await house().first.reportKeyUse({ uses: [] });
      const refused = house().first.reportKeyUse({ uses }, admin);
      assert.equal(await refusalOf(refused), "auth.platform_only");
      let lastUsedAtMs = 0n;
      const deadline = Date.now() + 9_000;
      while (lastUsedAtMs === 0n && Date.now() < deadline) {
        const id = { organisationId: organisation, id: key.id };
        ({ lastUsedAtMs } = await house().first.getKey(id, admin));
      }
      assert.ok(lastUsedAtMs > BigInt(Date.now() - 60_000) && lastUsedAtMs <= BigInt(Date.now()));
    });
  });
}
