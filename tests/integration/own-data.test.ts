/** What the platform keeps about a person comes out whole, and goes when the person goes. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let made: Awaited<ReturnType<typeof setUp>>;

const email = "leaving@example.com";
const password = "somebody's password";

before(async () => {
  house = await openAccessHouse();
  made = await setUp(house);
});

after(() => house.close());

async function invite(role: string, address = email, key = made.adminKey): Promise<string> {
  const invited = await house.expect(201, {
    method: "POST",
    path: "/api/v1/invitations",
    key,
    body: { email: address, role },
  });
  const body = { token: invited["token"], name: "Lea Ving", password };
  const path = "/api/v1/invitations/accept";
  return String((await house.expect(201, { method: "POST", path, body }))["user_id"]);
}

async function signIn(address = email): Promise<Record<string, string>> {
  const opened = await house.ask({
    method: "POST",
    path: "/api/v1/sessions",
    body: { email: address, password },
  });
  assert.equal(opened.status, 201, opened.text);
  const cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
  const csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
  return { cookie, "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
}

const erase = (headers: Record<string, string>, address = email): Ask => ({
  method: "POST",
  path: "/api/v1/me/erasure",
  headers,
  body: { email: address },
});

const reasonOf = (answer: { status: number; json: unknown }): string =>
  `${answer.status} ${(answer.json as Record<string, unknown>)["type"]}`;

describe("one's own data", () => {
  test("is all there: profile, memberships, roles, keys, sessions, what one did", async () => {
    const userId = await invite("developer");
    const headers = await signIn();
    const key = await house.expect(201, {
      method: "POST",
      path: "/api/v1/keys",
      headers,
      body: { name: "mine" },
    });
    const answer = await house.ask({ path: "/api/v1/me/export", headers });
    assert.equal(answer.status, 200, answer.text);
    const all = answer.json as Record<string, Record<string, unknown>[]> & {
      person: Record<string, unknown>;
    };
    assert.deepEqual([all.person["id"], all.person["email"]], [userId, email]);
    assert.equal(all["memberships"]?.length, 1);
    assert.equal(all["invitations"]?.[0]?.["email"], email);
    assert.equal(all["roles"]?.[0]?.["role"], "developer");
    assert.equal(all["keys"]?.[0]?.["id"], key["id"]);
    assert.equal(all["sessions"]?.[0]?.["is_current"], true);
    const actions = all["audit"]?.map((entry) => entry["action"]) ?? [];
    for (const action of ["session.opened", "key.created", "role.granted"]) {
      assert.ok(actions.includes(action), action);
    }
    assert.ok(!answer.text.includes(String(key["secret"])), "no secret");
    const others = all["audit"]?.filter(
      (entry) => !`${entry["actor"]} ${entry["target"]}`.includes(userId),
    );
    assert.deepEqual(others, [], "nobody else's");
  });

  test("a key neither reads it nor deletes it", async () => {
    const asKey = { key: made.adminKey };
    const needed = "403 /errors/access.session_needed";
    assert.equal(reasonOf(await house.ask({ path: "/api/v1/me/export", ...asKey })), needed);
    assert.equal(reasonOf(await house.ask({ ...erase({}), ...asKey })), needed);
  });
});

describe("erasure", () => {
  test("asks for the address, and for another owner where there are others", async () => {
    const headers = await signIn();
    const wrong = await house.ask(erase(headers, "somebody@else.example"));
    assert.equal(reasonOf(wrong), "400 /errors/access.not_confirmed");
    const opened = await house.ask({
      method: "POST",
      path: "/api/v1/sessions",
      body: { email: "owner@example.com", password: "correct horse battery" },
    });
    const csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
    const cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
    const owner = { cookie, "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
    const last = await house.ask(erase(owner, "owner@example.com"));
    assert.equal(reasonOf(last), "409 /errors/auth.last_platform_owner");
    await house.expect(200, { path: "/api/v1/me", headers: owner });
  });

  test("broken off in the middle it is finished by repeating it; then nothing leads to the person", async () => {
    const headers = await signIn();
    const me = await house.expect(200, { path: "/api/v1/me", headers });
    const { id } = me["person"] as Record<string, string>;
    const key = await house.expect(201, {
      method: "POST",
      path: "/api/v1/keys",
      headers,
      body: { name: "another" },
    });
    // What cannot be finished leaves the session to finish it with.
    await house.stop("users");
    assert.equal((await house.ask(erase(headers))).status, 503);
    await house.restart("users");
    await house.expect(200, { path: "/api/v1/me/sessions", headers });
    const done = await house.ask(erase(headers));
    assert.equal(done.status, 204, done.text);

    const deadline = Date.now() + 5_000;
    while ((await house.ask({ path: "/api/v1/me/sessions", headers })).status !== 401) {
      assert.ok(Date.now() < deadline);
    }
    const secret = String(key["secret"]);
    while ((await house.ask({ path: "/api/v1/me", key: secret })).status !== 401) {
      assert.ok(Date.now() < deadline);
    }
    const body = { email, password };
    const again = await house.ask({ method: "POST", path: "/api/v1/sessions", body });
    assert.equal(again.status, 401, again.text);
    for (const path of ["members", "invitations", "audit?limit=100", "keys"]) {
      const answer = await house.ask({ path: `/api/v1/${path}`, key: made.adminKey });
      assert.equal(answer.status, 200);
      assert.ok(!answer.text.includes(email), `${path} still has the address`);
      assert.ok(!answer.text.includes("Lea Ving"), `${path} still has the name`);
    }
    const audit = await house.ask({ path: "/api/v1/audit?limit=100", key: made.adminKey });
    assert.ok(audit.text.includes(id ?? "none"), "what it did stays, under its id");
    const verdict = await house.expect(200, { path: "/api/v1/audit/verify", key: made.adminKey });
    assert.equal(verdict["ok"], true);
    assert.notEqual(await invite("viewer"), id, "the same address is somebody new");
  });

  test("whoever was alone in an organisation closes it: its keys end", async () => {
    const founded = await house.expect(201, {
      method: "POST",
      path: "/api/v1/organisations",
      key: made.adminKey,
      headers: { "idempotency-key": "alone" },
      body: { name: "Alone", owner_email: "alone@example.com" },
    });
    const body = { token: founded["invitation_token"], name: "A", password };
    await house.expect(201, { method: "POST", path: "/api/v1/invitations/accept", body });
    const headers = await signIn("alone@example.com");
    const key = await house.expect(201, {
      method: "POST",
      path: "/api/v1/keys",
      headers,
      body: { name: "machine", owner: "nobody", scopes: ["manage:read"] },
    });
    const secret = String(key["secret"]);
    await house.expect(200, { path: "/api/v1/projects", key: secret });
    assert.equal((await house.ask(erase(headers, "alone@example.com"))).status, 204);
    const deadline = Date.now() + 5_000;
    while ((await house.ask({ path: "/api/v1/projects", key: secret })).status !== 401) {
      assert.ok(Date.now() < deadline);
    }
  });
});
