/** B14: what other sites can do with the console's session cookie. Nothing. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  type AccessHouse,
  type Ask,
  openAccessHouse,
  ownerPassword,
  setUp,
} from "../integration/access-house.ts";

let house: AccessHouse;
let cookie: string;
let csrf: string;

const signIn: Ask = {
  method: "POST",
  path: "/api/v1/sessions",
  body: { email: "owner@example.com", password: ownerPassword },
};

before(async () => {
  house = await openAccessHouse();
  await setUp(house);
  const opened = await house.ask(signIn);
  assert.equal(opened.status, 201, opened.text);
  cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
  csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
});

after(() => house.close());

const change = (headers: Readonly<Record<string, string>>, gateway: 1 | 2 = 1) =>
  house.ask(
    {
      method: "POST",
      path: "/api/v1/projects",
      headers: { cookie, ...headers },
      body: { name: "by cookie" },
    },
    gateway,
  );

describe("a change by cookie", () => {
  test("passes with the session's token from the console's own origin, on either replica", async () => {
    const own = { "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
    assert.equal((await change(own)).status, 201);
    assert.equal((await change(own, 2)).status, 201);
    const byOrigin = {
      "x-tandem-csrf": csrf,
      "x-forwarded-host": "ai.example",
      origin: "http://ai.example",
    };
    assert.equal((await change(byOrigin)).status, 201);
  });

  test("is refused from anywhere else, without the token, or with another one", async () => {
    const own = { "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
    const cases: Readonly<Record<string, string>>[] = [
      {},
      { "x-tandem-csrf": csrf },
      { "sec-fetch-site": "same-origin" },
      { ...own, "x-tandem-csrf": "" },
      { ...own, "x-tandem-csrf": `${csrf.slice(0, -1)}x` },
      { ...own, "sec-fetch-site": "cross-site" },
      { ...own, "sec-fetch-site": "same-site" },
      { ...own, "sec-fetch-site": "none" },
      { ...own, origin: "https://evil.example" },
      { ...own, origin: "null" },
      { "x-tandem-csrf": csrf, origin: "https://evil.example" },
    ];
    for (const headers of cases) {
      const refused = await change(headers);
      assert.equal(refused.status, 403, JSON.stringify(headers));
      const { type } = refused.json as Record<string, unknown>;
      assert.equal(type, "/errors/rest.cross_site_refused");
    }
  });

  test("is refused with a cookie that a sibling domain could have set", async () => {
    const token = cookie.split("=")[1];
    const overTls = {
      "x-forwarded-proto": "https",
      "x-tandem-csrf": csrf,
      "sec-fetch-site": "same-origin",
    };
    const tossed = await house.ask({ path: "/api/v1/me", headers: { ...overTls, cookie } });
    assert.equal(tossed.status, 401);
    const proper = { ...overTls, cookie: `__Host-tandem_session=${token}` };
    assert.equal((await house.ask({ path: "/api/v1/me", headers: proper })).status, 200);
    const twice = { cookie: `${cookie}; tandem_session=other` };
    assert.equal((await house.ask({ path: "/api/v1/me", headers: twice })).status, 401);
  });
});

describe("signing in", () => {
  test("from another site is refused, so that nobody is signed in as somebody else", async () => {
    for (const headers of [
      { "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example" },
    ]) {
      assert.equal((await house.ask({ ...signIn, headers })).status, 403);
    }
  });

  test("over TLS the cookie is bound to this host, out of reach of scripts and other sites", async () => {
    const opened = await house.ask({ ...signIn, headers: { "x-forwarded-proto": "https" } });
    const field = String(opened.headers["set-cookie"]?.[0]);
    assert.match(field, /^__Host-tandem_session=[\w-]{43}; Path=\/; Max-Age=43\d{3}; /);
    for (const attribute of ["HttpOnly", "SameSite=Strict", "Secure"]) {
      assert.ok(field.includes(attribute), attribute);
    }
    assert.ok(!field.includes("Domain"));
    assert.equal(opened.headers["cache-control"], "no-store");
  });

  test("a wrong password and a person who does not exist get the same answer", async () => {
    const answer = async (body: object) => {
      const refused = await house.ask({ ...signIn, body });
      assert.equal(refused.status, 401);
      return refused.text.replace(/req_\w+/, "");
    };
    const wrong = await answer({ email: "owner@example.com", password: "wrong" });
    const nobody = await answer({ email: "nobody@example.com", password: "wrong" });
    assert.equal(wrong, nobody);
  });

  test("guessing is slowed down, and says for how long", async () => {
    const guess = () =>
      house.ask({ ...signIn, body: { email: "target@example.com", password: "guess" } });
    const answers = await Promise.all(Array.from({ length: 12 }, guess));
    const blocked = answers.find(({ status }) => status === 429);
    assert.ok(Number(blocked?.headers["retry-after"]) >= 1);
  });
});

describe("signing out", () => {
  test("ends the session on both gateways and takes the cookie away", async () => {
    const own = { cookie, "x-tandem-csrf": csrf, "sec-fetch-site": "same-origin" };
    const current = { path: "/api/v1/sessions/current" };
    assert.equal((await house.ask({ ...current, headers: { cookie } }, 2)).status, 200);
    const left = await house.ask({ ...current, method: "DELETE", headers: own });
    assert.equal(left.status, 204);
    assert.match(String(left.headers["set-cookie"]?.[0]), /^tandem_session=; .*Max-Age=0/);
    const deadline = Date.now() + 5_000;
    for (const gateway of [1, 2] as const) {
      while ((await house.ask({ ...current, headers: { cookie } }, gateway)).status !== 401) {
        assert.ok(Date.now() < deadline);
      }
    }
  });
});
