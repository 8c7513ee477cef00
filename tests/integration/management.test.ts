import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AccessHouse, openAccessHouse, setUp, setupToken } from "./access-house.ts";

let house: AccessHouse;
let made: Awaited<ReturnType<typeof setUp>>;

before(async () => {
  house = await openAccessHouse();
});

after(() => house.close());

const object = (value: unknown): Record<string, unknown> => value as Record<string, unknown>;
const data = (value: unknown): Record<string, unknown>[] =>
  object(value)["data"] as Record<string, unknown>[];

describe("setup", () => {
  const body = {
    token: setupToken,
    organisation_name: "Example",
    email: "owner@example.com",
    password: "correct horse battery",
  };

  test("with quota away it fails whole, and the same request finishes it", async () => {
    await house.stop("quota");
    const broken = await house.ask({ method: "POST", path: "/api/v1/setup", body });
    assert.equal(broken.status, 503);
    await house.restart("quota");
    made = await setUp(house);
  });

  test("the first credit is there, once, however often setup is repeated", async () => {
    await setUp(house);
    made = await setUp(house);
    const wallet = await house.expect(200, { path: "/api/v1/wallet", key: made.adminKey });
    assert.deepEqual(wallet["total"], { amount: "10.00", currency: "USD" });
    const transfers = await house.expect(200, {
      path: "/api/v1/ledger/transfers",
      key: made.adminKey,
    });
    assert.equal(data(transfers).length, 1);
  });

  test("after the admin key's first use the token opens nothing any more", async () => {
    const again = await house.ask({ method: "POST", path: "/api/v1/setup", body });
    assert.equal(again.status, 403);
    assert.equal(object(again.json)["type"], "/errors/auth.setup_refused");
  });
});

describe("people and projects", () => {
  test("one reads who one is", async () => {
    const me = await house.expect(200, { path: "/api/v1/me", key: made.adminKey });
    assert.equal(object(me["person"])["email"], "owner@example.com");
    assert.equal(object(me["organisation"])["id"], made.organisationId);
    assert.deepEqual(me["roles"], ["owner", "platform:owner"]);
    assert.ok((me["permissions"] as string[]).includes("credits:write"));
  });

  test("a project is created once for its key, renamed from its version, and archived", async () => {
    const create = {
      method: "POST",
      path: "/api/v1/projects",
      key: made.adminKey,
      headers: { "idempotency-key": "p1" },
      body: { name: "Assistant" },
    };
    const first = await house.ask(create, 1);
    const second = await house.ask(create, 2);
    assert.equal(first.status, 201);
    assert.equal(object(second.json)["id"], object(first.json)["id"]);
    const path = `/api/v1/projects/${object(first.json)["id"]}`;
    const patch = { method: "PATCH", path, key: made.adminKey, body: { name: "Renamed" } };
    assert.equal((await house.ask(patch)).status, 428);
    const headers = { "if-match": String(first.headers.etag) };
    const renamed = await house.ask({ ...patch, headers });
    assert.equal(renamed.status, 200);
    assert.equal((await house.ask({ ...patch, headers })).status, 412);
    const archive = { ...patch, body: { archived: true }, headers: { "if-match": "*" } };
    const archived = await house.expect(200, archive);
    assert.equal(archived["name"], "Renamed");
    assert.match(String(archived["archived_at"]), /^20\d\d-.*Z$/);
  });

  test("somebody is invited, joins, works in a role, and is removed with all access", async () => {
    const invited = await house.expect(201, {
      method: "POST",
      path: "/api/v1/invitations",
      key: made.adminKey,
      body: { email: "dev@example.com", role: "developer" },
    });
    const accept = {
      method: "POST",
      path: "/api/v1/invitations/accept",
      body: { token: invited["token"], name: "Dev", password: "developer's own" },
    };
    const joined = await house.expect(201, accept);
    assert.equal((await house.ask(accept)).status, 403, "the token has done its work");
    const opened = await house.ask({
      method: "POST",
      path: "/api/v1/sessions",
      body: { email: "DEV@example.com", password: "developer's own" },
    });
    assert.equal(opened.status, 201);
    const cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
    const csrf = { "x-tandem-csrf": String(object(opened.json)["csrf_token"]) };
    const own = { cookie, ...csrf, "sec-fetch-site": "same-origin" };
    const key = await house.expect(201, {
      method: "POST",
      path: "/api/v1/keys",
      headers: own,
      body: { name: "mine" },
    });
    const members = { path: "/api/v1/members", headers: { cookie } };
    assert.equal((await house.ask(members)).status, 200);
    const remove = {
      method: "DELETE",
      path: `/api/v1/members/${joined["user_id"]}`,
      key: made.adminKey,
    };
    assert.equal((await house.ask(remove)).status, 204);
    assert.equal((await house.ask(remove)).status, 204, "again it answers alike");
    const deadline = Date.now() + 5_000;
    while ((await house.ask(members)).status !== 401) assert.ok(Date.now() < deadline);
    const refused = await house.ask({ path: "/api/v1/me", key: String(key["secret"]) });
    assert.equal(refused.status, 401);
  });

  test("an invitation does not open an account that exists already", async () => {
    const another = await house.expect(201, {
      method: "POST",
      path: "/api/v1/organisations",
      key: made.adminKey,
      headers: { "idempotency-key": "o1" },
      body: { name: "Another" },
    });
    const invite = await house.expect(201, {
      method: "POST",
      path: "/api/v1/invitations",
      key: made.adminKey,
      body: { email: "victim@example.com", role: "viewer" },
    });
    const accept = (token: unknown, password: string) =>
      house.ask({
        method: "POST",
        path: "/api/v1/invitations/accept",
        body: { token, name: "V", password },
      });
    assert.equal((await accept(invite["token"], "the victim's own")).status, 201);
    const list = await house.expect(200, { path: "/api/v1/members", key: made.adminKey });
    const victim = data(list).find((row) => row["email"] === "victim@example.com");
    await house.expect(204, {
      method: "DELETE",
      path: `/api/v1/members/${victim?.["user_id"]}`,
      key: made.adminKey,
    });
    const again = await house.expect(201, {
      method: "POST",
      path: "/api/v1/invitations",
      key: made.adminKey,
      body: { email: "victim@example.com", role: "admin" },
    });
    assert.equal((await accept(again["token"], "the inviter's choice")).status, 403);
    assert.equal((await accept(again["token"], "the victim's own")).status, 201);
    assert.match(String(another["id"]), /^org_/);
  });
});

describe("keys", () => {
  const create = (body: object, headers: Record<string, string> = {}) =>
    house.expect(201, {
      method: "POST",
      path: "/api/v1/keys",
      key: made.adminKey,
      headers,
      body: { name: "k", ...body },
    });

  test("the secret is shown once; what is read later has none", async () => {
    const key = await create({ scopes: ["manage:read"], project_id: made.projectId });
    assert.match(String(key["secret"]), /^sk-tdm-live_/);
    const read = await house.ask({ path: `/api/v1/keys/${key["id"]}`, key: made.adminKey });
    assert.ok(!read.text.includes(String(key["secret"]).slice(15, -4)));
    const own = await house.ask({ path: "/api/v1/projects", key: String(key["secret"]) });
    assert.equal(own.status, 200);
  });

  test("repeated with its idempotency key the same secret comes again, on either replica", async () => {
    const ask = {
      method: "POST",
      path: "/api/v1/keys",
      key: made.adminKey,
      headers: { "idempotency-key": "k1" },
      body: { name: "once" },
    };
    const first = await house.ask(ask, 1);
    const second = await house.ask(ask, 1);
    assert.equal(second.text, first.text);
    assert.equal(second.headers["idempotent-replayed"], "true");
    assert.equal((await house.ask({ ...ask, body: { name: "other" } })).status, 422);
  });

  test("a revoked key is refused by both gateways within 100 ms or so", async () => {
    const key = await create({ scopes: ["manage:read"] });
    const secret = String(key["secret"]);
    for (const gateway of [1, 2] as const) {
      await house.expect(200, { path: "/api/v1/projects", key: secret }, gateway);
    }
    const revoke = { method: "DELETE", path: `/api/v1/keys/${key["id"]}`, key: made.adminKey };
    const revoked = await house.expect(200, revoke);
    assert.equal(revoked["state"], "revoked");
    const startedMs = performance.now();
    for (const gateway of [1, 2] as const) {
      while ((await house.ask({ path: "/api/v1/projects", key: secret }, gateway)).status !== 401) {
        assert.ok(performance.now() - startedMs < 2_000);
      }
    }
  });

  test("a rotated key has two secrets for a while; an address limit holds", async () => {
    const key = await create({ scopes: ["manage:read"], allowed_addresses: ["203.0.113.0/24"] });
    const secret = String(key["secret"]);
    const from = (address: string, text: string) =>
      house.ask({ path: "/api/v1/projects", key: text, headers: { "x-forwarded-for": address } });
    assert.equal((await from("203.0.113.7", secret)).status, 200);
    assert.equal((await from("198.51.100.1", secret)).status, 403);
    const rotated = await house.expect(201, {
      method: "POST",
      path: `/api/v1/keys/${key["id"]}/rotate`,
      key: made.adminKey,
      body: { overlap_seconds: 60 },
    });
    assert.equal((await from("203.0.113.7", String(rotated["secret"]))).status, 200);
    assert.equal((await from("203.0.113.7", secret)).status, 200);
  });

  test("nobody makes a key that may do more than they may", async () => {
    const writer = await create({ scopes: ["manage:write"] });
    const grab = await house.ask({
      method: "POST",
      path: "/api/v1/keys",
      key: String(writer["secret"]),
      body: { name: "more", scopes: ["admin"] },
    });
    assert.equal(grab.status, 403);
    assert.equal(object(grab.json)["type"], "/errors/auth.key_scope_beyond");
  });
});

describe("limits, budgets and money", () => {
  for (const [plural, body, change] of [
    ["limits", { kind: "requests", amount: 60 }, { amount: 120 }],
    ["budgets", { amount: "5.00", period: "month" }, { amount: "7.50" }],
  ] as const) {
    test(`${plural} are made once, changed from their version, and removed`, async () => {
      const path = `/api/v1/${plural}`;
      const key = made.adminKey;
      const first = await house.ask({ method: "POST", path, key, body });
      assert.equal(first.status, 201, first.text);
      assert.equal((await house.ask({ method: "POST", path, key, body })).status, 409);
      const one = `${path}/${object(first.json)["id"]}`;
      const etag = String(first.headers.etag);
      const put = { method: "PUT", path: one, key, body: change };
      assert.equal((await house.ask(put)).status, 428);
      const changed = await house.ask({ ...put, headers: { "if-match": etag } });
      assert.equal(changed.status, 200, changed.text);
      assert.equal((await house.ask({ ...put, headers: { "if-match": etag } })).status, 412);
      const remove = { method: "DELETE", path: one, key };
      assert.equal((await house.ask({ ...remove, headers: { "if-match": etag } })).status, 412);
      const now = { "if-match": String(changed.headers.etag) };
      assert.equal((await house.ask({ ...remove, headers: now })).status, 204);
      assert.equal((await house.ask({ path: one, key })).status, 404);
      assert.deepEqual(data(await house.expect(200, { path, key })), []);
    });
  }

  test("who is near a budget is listed, the fullest first", async () => {
    const { adminKey: key } = made;
    const body = { amount: "0", period: "day", model: "none" };
    const full = await house.expect(201, { method: "POST", path: "/api/v1/budgets", key, body });
    const roomy = { ...body, amount: "5", model: "roomy" };
    await house.expect(201, { method: "POST", path: "/api/v1/budgets", key, body: roomy });
    const near = await house.expect(200, { path: "/api/v1/budgets?near=80", key });
    assert.deepEqual(
      data(near).map((row) => [row["id"], row["used_percent"]]),
      [[full["id"], 100]],
    );
    assert.equal(data(await house.expect(200, { path: "/api/v1/budgets", key })).length, 2);
  });

  test("credit is used soonest to expire first, and says how long it lasts", async () => {
    const { adminKey: key } = made;
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const headers = { "idempotency-key": "expiring" };
    const body = { amount: "1", expires_at: soon, reason: "for an hour" };
    await house.expect(201, { method: "POST", path: "/api/v1/credits", key, headers, body });
    const { spending } = await house.expect(200, { path: "/api/v1/wallet", key });
    const { lots, days_left } = object(spending) as { lots: { reason: string }[]; days_left: null };
    assert.deepEqual([lots[0]?.reason, days_left], ["for an hour", null]);
  });

  test("credit is granted once for a key, and only by who may", async () => {
    const grant = {
      method: "POST",
      path: "/api/v1/credits",
      key: made.adminKey,
      headers: { "idempotency-key": "c1" },
      body: { amount: "2.5", reason: "a present" },
    };
    assert.equal((await house.ask({ ...grant, headers: {} })).status, 400, "it needs a key");
    const first = await house.expect(201, grant);
    assert.deepEqual(first["total"], { amount: "13.50", currency: "USD" });
    assert.deepEqual(await house.expect(201, grant, 2), first);
    const refused = await house.ask({ ...grant, key: made.inferenceKey });
    assert.equal(refused.status, 403);
    const verdict = await house.expect(200, { path: "/api/v1/ledger/verify", key: made.adminKey });
    assert.equal(verdict["ok"], true);
  });
});

describe("the audit log, the topology and the document", () => {
  test("what was done stands in the log, in an unbroken chain, pages and all", async () => {
    const seen = new Set<unknown>();
    let path = "/api/v1/audit?limit=20";
    const deadline = Date.now() + 10_000;
    // The users service tells through its outbox: it may be a moment behind.
    while (!seen.has("project.created") || path !== "") {
      if (path === "") path = "/api/v1/audit?limit=20";
      const page = await house.ask({ path, key: made.adminKey });
      assert.equal(page.status, 200);
      for (const row of data(page.json)) seen.add(row["action"]);
      path = /<(.*)>/.exec(String(page.headers["link"] ?? ""))?.[1] ?? "";
      assert.ok(Date.now() < deadline);
    }
    for (const action of ["setup.redeemed", "key.created", "credit.granted", "limit.deleted"]) {
      assert.ok(seen.has(action), action);
    }
    const verdict = await house.expect(200, { path: "/api/v1/audit/verify", key: made.adminKey });
    assert.equal(verdict["ok"], true);
  });

  test("the document describes every route that is served, and needs no key", async () => {
    const document = await house.expect(200, { path: "/api/v1/openapi.json" });
    const paths = object(document["paths"]);
    assert.ok(object(paths["/api/v1/keys/{key_id}"])["patch"] !== undefined);
    assert.ok(object(paths["/api/v1/upstreams"])["get"] !== undefined, "the ai gateway's, too");
    const topology = await house.expect(200, { path: "/api/v1/topology", key: made.adminKey });
    assert.equal(typeof topology["sentence"], "string");
  });
});
