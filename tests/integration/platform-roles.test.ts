/**
 * The platform's operators and its tenants are different people: whoever owns an organisation has
 * everything in it and nothing of what all organisations share.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let platform: Awaited<ReturnType<typeof setUp>>;
let tenant: { readonly organisationId: string; readonly session: Record<string, string> };

const password = "a password for everybody";

before(async () => {
  house = await openAccessHouse();
  platform = await setUp(house);
  const founded = await post("/api/v1/organisations", platform.adminKey, {
    name: "Tenant",
    owner_email: "tenant@example.com",
  });
  await accept(founded["invitation_token"]);
  const session = await signIn("tenant@example.com");
  tenant = { organisationId: String(founded["id"]), session };
});

after(() => house.close());

let serial = 0;
function post(path: string, key: string, body: object): Promise<Record<string, unknown>> {
  serial += 1;
  const headers = { "idempotency-key": `post-${serial}` };
  return house.expect(201, { method: "POST", path, key, headers, body });
}

async function accept(token: unknown): Promise<string> {
  const body = { token, name: "Somebody", password };
  const path = "/api/v1/invitations/accept";
  return String((await house.expect(201, { method: "POST", path, body }))["user_id"]);
}

async function signIn(email: string): Promise<Record<string, string>> {
  const path = "/api/v1/sessions";
  const opened = await house.ask({ method: "POST", path, body: { email, password } });
  assert.equal(opened.status, 201, opened.text);
  const cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
  const csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
  return { cookie, "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
}

async function refusalOf(ask: Ask): Promise<string> {
  const answer = await house.ask(ask);
  return `${answer.status} ${(answer.json as Record<string, unknown>)["type"]}`;
}

function asTenant(path: string, body?: object): Ask {
  serial += 1;
  const headers = { ...tenant.session, "idempotency-key": `tenant-${serial}` };
  return { method: body === undefined ? "GET" : "POST", path, headers, ...(body && { body }) };
}

const missing = "403 /errors/rest.permission_missing";

describe("an organisation's owner", () => {
  test("owns the organisation that was founded for it, and its founder stays outside", async () => {
    const me = await house.expect(200, asTenant("/api/v1/me"));
    assert.deepEqual(me["roles"], ["owner"]);
    const members = await house.expect(200, asTenant("/api/v1/members"));
    assert.equal((members["data"] as unknown[]).length, 1);
  });

  test("makes no money, founds no organisation, sees no machine and no other tenant", async () => {
    const asks = [
      asTenant("/api/v1/credits", { amount: "1000" }),
      asTenant("/api/v1/credits", { amount: "1", organisation_id: platform.organisationId }),
      asTenant("/api/v1/organisations", { name: "Mine" }),
      asTenant("/api/v1/topology"),
      asTenant("/api/v1/platform/organisations"),
      asTenant(`/api/v1/platform/organisations/${tenant.organisationId}/wallet`),
    ];
    for (const ask of asks) assert.equal(await refusalOf(ask), missing, ask.path);
    const wallet = await house.expect(200, asTenant("/api/v1/wallet"));
    assert.deepEqual(wallet["total"], { amount: "0.00", currency: "USD" });
  });

  test("hands on nothing of the platform, neither by key nor by role nor by invitation", async () => {
    const key = { name: "more", scopes: ["platform"], owner: "nobody" };
    const beyond = "403 /errors/auth.key_scope_beyond";
    assert.equal(await refusalOf(asTenant("/api/v1/keys", key)), beyond);
    const { person } = await house.expect(200, asTenant("/api/v1/me"));
    const { id } = person as { id: string };
    const path = `/api/v1/members/${id}/roles/platform:owner`;
    const grab = { ...asTenant(path), method: "PUT" };
    assert.equal(await refusalOf(grab), "403 /errors/auth.permission_missing");
    const invite = { email: "x@example.com", role: "platform:owner" };
    const malformed = "400 /errors/rest.invalid_input";
    assert.equal(await refusalOf(asTenant("/api/v1/invitations", invite)), malformed);
  });
});

describe("the platform's operators", () => {
  test("grant credit to any organisation, once, and to none that is not there", async () => {
    const body = { amount: "3", organisation_id: tenant.organisationId };
    const wallet = await post("/api/v1/credits", platform.adminKey, body);
    assert.equal(wallet["organisation_id"], tenant.organisationId);
    const path = `/api/v1/platform/organisations/${tenant.organisationId}/wallet`;
    assert.deepEqual(await house.expect(200, { path, key: platform.adminKey }), wallet);
    const { spending, ...own } = await house.expect(200, asTenant("/api/v1/wallet"));
    assert.deepEqual(own, wallet);
    const { lots, days_left } = spending as { lots: object[]; days_left: null };
    assert.deepEqual([lots.length, days_left], [1, null]);
    const nowhere = { amount: "3", organisation_id: `org_${"0".repeat(26)}` };
    const headers = { "idempotency-key": "nowhere" };
    const ask = { method: "POST", path: "/api/v1/credits", key: platform.adminKey, headers };
    assert.equal((await house.ask({ ...ask, body: nowhere })).status, 404);
  });

  test("see every organisation", async () => {
    const path = "/api/v1/platform/organisations";
    const { data } = await house.expect(200, { path, key: platform.adminKey });
    const ids = (data as { id: string }[]).map(({ id }) => id);
    assert.ok(ids.includes(tenant.organisationId) && ids.includes(platform.organisationId));
  });

  test("are so in the organisation that set the platform up, and there is always one", async () => {
    const role = { method: "PUT", key: platform.adminKey };
    const last = `/api/v1/members/${platform.userId}/roles/platform:owner`;
    const kept = "409 /errors/auth.last_platform_owner";
    assert.equal(await refusalOf({ ...role, method: "DELETE", path: last }), kept);
    // The same person in another organisation is no operator there.
    const invited = await house.expect(
      201,
      asTenant("/api/v1/invitations", {
        email: "owner@example.com",
        role: "owner",
      }),
    );
    const own = { token: invited["token"], name: "O", password: "correct horse battery" };
    const path = "/api/v1/invitations/accept";
    await house.expect(201, { method: "POST", path, body: own });
    const opened = await house.expect(201, {
      method: "POST",
      path: "/api/v1/sessions",
      body: {
        email: "owner@example.com",
        password: own.password,
        organisation_id: tenant.organisationId,
      },
    });
    assert.deepEqual(opened["roles"], ["owner"]);
    assert.ok(!(opened["permissions"] as string[]).includes("credits:write"));
  });
});

describe("rotation", () => {
  test("gives nobody the secret of a key that may do more than they", async () => {
    const invited = await house.expect(
      201,
      asTenant("/api/v1/invitations", {
        email: "admin@example.com",
        role: "admin",
      }),
    );
    await accept(invited["token"]);
    const made = await house.expect(
      201,
      asTenant("/api/v1/keys", { name: "o", scopes: ["admin"] }),
    );
    const rotate: Ask = {
      method: "POST",
      path: `/api/v1/keys/${made["id"]}/rotate`,
      headers: await signIn("admin@example.com"),
      body: {},
    };
    assert.equal(await refusalOf(rotate), "403 /errors/auth.key_scope_beyond");
    await house.expect(201, { ...rotate, headers: tenant.session });
  });
});
