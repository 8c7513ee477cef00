/** Signing in with an OpenID Connect provider, through the public door, against a real provider. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { HttpAnswer } from "@tandem/libs/testing";
import { type AccessHouse, openAccessHouse, ownerPassword, setUp } from "./access-house.ts";
import {
  clientId,
  clientSecret,
  type IdentityProvider,
  startIdentityProvider,
} from "./identity-provider.ts";

const publicUrl = "http://console.test";
const callback = `${publicUrl}/api/v1/sign-in/callback`;
const start = "/api/v1/sign-in/providers/main/start";

let house: AccessHouse;
let provider: IdentityProvider;
let made: Awaited<ReturnType<typeof setUp>>;

before(async () => {
  provider = await startIdentityProvider(callback);
  house = await openAccessHouse();
  made = await setUp(house);
  await house.expect(200, { path: "/api/v1/me", key: made.adminKey });
  const join = {
    ...{ organisationId: made.organisationId, role: "developer", emailDomains: ["corp.test"] },
  };
  const main = { name: "main", displayName: "Our login", issuer: provider.issuer, join };
  const providers = [{ ...main, clientId, clientSecret }];
  await house.reconfigure("auth", { oidc: { publicUrl, timeoutMs: "500ms", providers } });
});

beforeEach(() => {
  provider.intercept = undefined;
});

after(async () => {
  await house.close();
  await provider.close();
});

function somebody(subject: string, email: string, isVerified = true): void {
  provider.people.set(subject, { email, email_verified: isVerified, name: `Name of ${subject}` });
  provider.current = subject;
}

const cookieOf = (answer: HttpAnswer): string =>
  (answer.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");

/** Follows a browser through the provider; the query with which it comes back. */
async function through(url: string): Promise<string> {
  const jar = new Map<string, string>();
  let target = url;
  for (let hop = 0; hop < 8; hop += 1) {
    if (target.startsWith(callback)) return target.slice(callback.length + 1);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(target, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      jar.set(name, value);
    }
    const location = answer.headers.get("location");
    assert.ok(location !== null, `${target} ${answer.status} ${await answer.text()}`);
    target = new URL(location, target).href;
  }
  throw new Error("the provider sends the browser round and round");
}

interface Begun {
  readonly cookie: string;
  readonly url: URL;
}

async function begin(path = start, headers: Record<string, string> = {}): Promise<Begun> {
  const answer = await house.ask({ path, headers });
  assert.equal(answer.status, 303, answer.text);
  const intent = String(answer.headers["set-cookie"]);
  assert.match(intent, /^tandem_sign_in=.+; Max-Age=\d+; HttpOnly; SameSite=Lax/);
  return { cookie: cookieOf(answer), url: new URL(String(answer.headers.location)) };
}

/** The browser is back. */
function comeBack(query: string, cookie: string): Promise<HttpAnswer> {
  return house.ask({ path: `/api/v1/sign-in/callback?${query}`, headers: { cookie } });
}

async function signIn(): Promise<HttpAnswer> {
  const { cookie, url } = await begin();
  return comeBack(await through(url.href), cookie);
}

const reasonOf = (answer: HttpAnswer): string =>
  `${answer.status} ${(answer.json as Record<string, unknown>)["type"]}`;

describe("signing in with a provider", () => {
  test("somebody new of the right domain joins, in the role that is set, and is signed in", async () => {
    const list = await house.expect(200, { path: "/api/v1/sign-in/providers" });
    assert.deepEqual(list["data"], [{ name: "main", display_name: "Our login" }]);
    somebody("sub-ann", "Ann@corp.test");
    const answer = await signIn();
    assert.equal(answer.status, 303, answer.text);
    assert.equal(answer.headers.location, "/");
    const cookie = cookieOf(answer);
    assert.match(cookie, /tandem_session=[\w-]{43}/);
    const me = await house.expect(200, { path: "/api/v1/me", headers: { cookie } });
    assert.deepEqual(me["roles"], ["developer"]);
    const { email, name } = me["person"] as Record<string, unknown>;
    assert.deepEqual([email, name], ["ann@corp.test", "Name of sub-ann"]);
    const sessions = await house.expect(200, { path: "/api/v1/me/sessions", headers: { cookie } });
    const [session] = sessions["data"] as Record<string, unknown>[];
    assert.deepEqual([session?.["method"], session?.["is_current"]], ["main", true]);
  });

  test("with PKCE, state and nonce, each new every time", async () => {
    const [one, two] = [(await begin()).url.searchParams, (await begin()).url.searchParams];
    assert.equal(one.get("code_challenge_method"), "S256");
    for (const name of ["state", "nonce", "code_challenge"]) {
      assert.match(String(one.get(name)), /^[\w-]{43}$/);
      assert.notEqual(one.get(name), two.get(name));
    }
  });

  test("the same person again is the same account, though its address has changed there", async () => {
    somebody("sub-ann", "ann.married@elsewhere.test", false);
    const answer = await signIn();
    assert.equal(answer.status, 303, answer.text);
    const headers = { cookie: cookieOf(answer) };
    const me = await house.expect(200, { path: "/api/v1/me", headers });
    assert.equal((me["person"] as Record<string, unknown>)["email"], "ann@corp.test");
    const links = await house.expect(200, { path: "/api/v1/me/links", headers });
    assert.equal((links["data"] as unknown[]).length, 1);
  });

  test("refused: an unverified address, a stranger's domain", async () => {
    somebody("sub-eve", "eve@corp.test", false);
    assert.equal(reasonOf(await signIn()), "403 /errors/auth.email_unverified");
    somebody("sub-eve", "eve@elsewhere.test");
    assert.equal(reasonOf(await signIn()), "403 /errors/auth.no_access");
  });

  test("an account with a password is linked in its own session only, by its own address", async () => {
    somebody("sub-owner", "owner@example.com");
    assert.equal(reasonOf(await signIn()), "403 /errors/auth.link_password_first");
    const opened = await house.ask({
      method: "POST",
      path: "/api/v1/sessions",
      body: { email: "owner@example.com", password: ownerPassword },
    });
    const csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
    const session = { cookie: cookieOf(opened), "sec-fetch-site": "same-origin" };
    const link = {
      method: "POST",
      path: "/api/v1/me/links/main",
      headers: { ...session, "x-tandem-csrf": csrf },
    };
    assert.equal((await house.ask({ ...link, headers: session })).status, 403, "CSRF");
    const asKey = { ...link, headers: {}, key: made.adminKey };
    assert.equal(reasonOf(await house.ask(asKey)), "403 /errors/access.session_needed");

    const linkAs = async (): Promise<HttpAnswer> => {
      const started = await house.ask(link);
      assert.equal(started.status, 200, started.text);
      const url = String((started.json as Record<string, unknown>)["authorization_url"]);
      return comeBack(await through(url), cookieOf(started));
    };
    somebody("sub-mallory", "mallory@corp.test");
    assert.equal(reasonOf(await linkAs()), "403 /errors/auth.link_other_email");
    somebody("sub-owner", "owner@example.com");
    const linked = await linkAs();
    assert.equal(linked.status, 303, linked.text);
    assert.ok(!cookieOf(linked).includes("tandem_session"), "the session goes on as it is");
    const answer = await signIn();
    assert.equal(answer.status, 303, answer.text);
    const me = await house.expect(200, {
      path: "/api/v1/me",
      headers: { cookie: cookieOf(answer) },
    });
    assert.deepEqual(me["roles"], ["owner", "platform:owner"]);
    const unlink = { ...link, method: "DELETE" };
    assert.equal((await house.ask(unlink)).status, 204);
    assert.equal(reasonOf(await signIn()), "403 /errors/auth.link_password_first");
  });

  test("an invitation opens no account that a provider's identity opens", async () => {
    const invited = await house.expect(201, {
      method: "POST",
      path: "/api/v1/organisations",
      key: made.adminKey,
      headers: { "idempotency-key": "trap" },
      body: { name: "Trap", owner_email: "ann@corp.test" },
    });
    const token = invited["invitation_token"];
    const grab = { token, name: "Mallory", password: "mallory's own choice" };
    const path = "/api/v1/invitations/accept";
    const taken = await house.ask({ method: "POST", path, body: grab });
    assert.equal(reasonOf(taken), "403 /errors/auth.sign_in_first");
    somebody("sub-ann", "ann@corp.test");
    const signedIn = await signIn();
    const cookie = cookieOf(signedIn);
    const current = await house.expect(200, {
      path: "/api/v1/sessions/current",
      headers: { cookie },
    });
    const headers = {
      cookie,
      "x-tandem-csrf": String(current["csrf_token"]),
      "sec-fetch-site": "same-origin",
    };
    const accept = { method: "POST", path: "/api/v1/me/invitations/accept", headers };
    const joined = await house.expect(201, { ...accept, body: { token } });
    assert.equal(joined["organisation_id"], invited["id"]);
  });
});

describe("a sign-in that is not what it seems", () => {
  test("a callback counts once, in the browser that began it, with its own state", async () => {
    somebody("sub-ann", "ann@corp.test");
    const { cookie, url } = await begin();
    const query = await through(url.href);
    const notBegun = "403 /errors/auth.sign_in_not_begun";
    assert.equal(reasonOf(await comeBack(query, "")), notBegun, "no browser");
    const other = await begin();
    assert.equal(reasonOf(await comeBack(query, other.cookie)), notBegun, "another browser");
    const twisted = query.replace(/state=[^&]*/, "state=x");
    assert.equal(reasonOf(await comeBack(twisted, cookie)), notBegun, "another state");
    const forged = cookie.replace(/(?<=.{40})./, (one) => (one === "A" ? "B" : "A"));
    assert.equal(reasonOf(await comeBack(query, forged)), notBegun, "a forged cookie");
    const first = await comeBack(query, cookie);
    assert.equal(first.status, 303, first.text);
    assert.match(String(first.headers["set-cookie"]), /tandem_sign_in=;.*Max-Age=0/);
    assert.equal(reasonOf(await comeBack(query, cookie)), notBegun, "replayed");
  });

  test("a cancelled one says so; a wrong code opens nothing", async () => {
    const { cookie, url } = await begin();
    const state = url.searchParams.get("state");
    const iss = encodeURIComponent(provider.issuer);
    const denied = `error=access_denied&state=${state}&iss=${iss}`;
    const refused = "403 /errors/auth.provider_refused";
    assert.equal(reasonOf(await comeBack(denied, cookie)), refused);
    const again = await begin();
    const code = `code=guessed&state=${again.url.searchParams.get("state")}&iss=${iss}`;
    assert.equal(reasonOf(await comeBack(code, again.cookie)), refused);
  });

  const lies: Readonly<Record<string, object>> = {
    "of another issuer": { iss: "https://evil.test" },
    "for another audience": { aud: "somebody-else" },
    "that has expired": { exp: Math.floor(Date.now() / 1000) - 600 },
    "from the future": { nbf: Math.floor(Date.now() / 1000) + 600 },
    "of another sign-in": { nonce: "of-another-sign-in" },
    "without a subject": { sub: undefined },
  };
  for (const [what, lie] of Object.entries(lies)) {
    test(`a token ${what} is not believed`, async () => {
      const answer = await withToken((nonce) => provider.signToken({ ...claims(nonce), ...lie }));
      assert.ok(
        [
          "403 /errors/auth.provider_word_invalid",
          "503 /errors/auth.provider_unavailable",
        ].includes(reasonOf(answer)),
        reasonOf(answer),
      );
      assert.ok(!cookieOf(answer).includes("tandem_session"));
    });
  }

  test("nor one that nobody signed, or that somebody signed with another key", async () => {
    const believed = await withToken((nonce) => provider.signToken(claims(nonce)));
    assert.equal(believed.status, 303, "the same token, told right, is");
    const invalid = "403 /errors/auth.provider_word_invalid";
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const unsigned = (nonce: string): string =>
      `${none}.${Buffer.from(JSON.stringify(claims(nonce))).toString("base64url")}.`;
    assert.notEqual((await withToken(unsigned)).status, 303);
    const cut = (nonce: string): string => provider.signToken(claims(nonce)).slice(0, -8);
    assert.equal(reasonOf(await withToken(cut)), invalid);
  });

  function claims(nonce: string): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    return {
      ...{ iss: provider.issuer, aud: clientId, sub: "sub-ann", nonce, iat: now, exp: now + 600 },
      ...{ email: "ann@corp.test", email_verified: true },
    };
  }

  /** A sign-in in which the token endpoint answers with this ID token. */
  async function withToken(token: (nonce: string) => string): Promise<HttpAnswer> {
    somebody("sub-ann", "ann@corp.test");
    const { cookie, url } = await begin();
    const query = await through(url.href);
    const nonce = String(url.searchParams.get("nonce"));
    provider.intercept = (path, response) => {
      if (path !== "/token") return false;
      response.setHeader("content-type", "application/json");
      const answer = { access_token: "x", token_type: "Bearer", id_token: token(nonce) };
      response.end(JSON.stringify(answer));
      return true;
    };
    const answer = await comeBack(query, cookie);
    provider.intercept = undefined;
    return answer;
  }
});

describe("a provider that changes or fails", () => {
  test("new signing keys are taken up at once, and the old ones count no more", async () => {
    somebody("sub-ann", "ann@corp.test");
    assert.equal((await signIn()).status, 303);
    provider.rotateKeys();
    const answer = await signIn();
    assert.equal(answer.status, 303, answer.text);
    const { cookie, url } = await begin();
    const query = await through(url.href);
    const now = Math.floor(Date.now() / 1000);
    const old = provider.signToken(
      {
        ...{ iss: provider.issuer, aud: clientId, sub: "sub-ann", iat: now, exp: now + 600 },
        nonce: url.searchParams.get("nonce"),
      },
      "previous",
    );
    provider.intercept = (path, response) => {
      if (path !== "/token") return false;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ access_token: "x", token_type: "Bearer", id_token: old }));
      return true;
    };
    const refused = await comeBack(query, cookie);
    assert.equal(reasonOf(refused), "403 /errors/auth.provider_word_invalid");
  });

  const failures: Readonly<Record<string, NonNullable<IdentityProvider["intercept"]>>> = {
    "that never answers": () => true,
    "that hangs up": (_path, response) => Boolean(response.destroy()),
    "that answers 500": (_path, response) => {
      response.writeHead(500).end("oops");
      return true;
    },
    "that answers with a page": (_path, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Maintenance</h1>");
      return true;
    },
    "that breaks off": (_path, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"access_token":');
      setImmediate(() => response.destroy());
      return true;
    },
  };
  for (const [what, intercept] of Object.entries(failures)) {
    test(`one ${what} is told as away within its time, and passwords go on`, async () => {
      somebody("sub-ann", "ann@corp.test");
      const { cookie, url } = await begin();
      const query = await through(url.href);
      provider.intercept = intercept;
      const startedMs = performance.now();
      const answer = await comeBack(query, cookie);
      assert.equal(reasonOf(answer), "503 /errors/auth.provider_unavailable");
      assert.ok(performance.now() - startedMs < 4_000);
      const body = { email: "owner@example.com", password: ownerPassword };
      const byPassword = await house.ask({ method: "POST", path: "/api/v1/sessions", body });
      assert.equal(byPassword.status, 201);
      provider.intercept = undefined;
      assert.equal((await signIn()).status, 303, "back again");
    });
  }

  test("one that is away from the start is 503, until it is there", async () => {
    provider.intercept = () => true;
    await house.stop("auth");
    await house.restart("auth");
    const away = await house.ask({ path: start });
    assert.equal(reasonOf(away), "503 /errors/auth.provider_unavailable");
    provider.intercept = undefined;
    somebody("sub-ann", "ann@corp.test");
    const deadline = Date.now() + 10_000;
    while ((await house.ask({ path: start })).status !== 303) assert.ok(Date.now() < deadline);
    assert.equal((await signIn()).status, 303);
  });
});
