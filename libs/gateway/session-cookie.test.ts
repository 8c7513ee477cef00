import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderList } from "../http/index.ts";
import {
  clearSessionCookie,
  csrfTokenOf,
  isCsrfToken,
  readSessionToken,
  setSessionCookie,
  siteOf,
} from "./session-cookie.ts";

function headers(fields: Readonly<Record<string, string>>): HeaderList {
  return {
    get: (name) => fields[name],
    has: (name) => name in fields,
    entries: () => Object.entries(fields),
  };
}

test("over TLS only the cookie that no sibling domain can set is believed", () => {
  const both = headers({ cookie: "tandem_session=forged; __Host-tandem_session=own" });
  assert.equal(readSessionToken(both, true), "own");
  assert.equal(readSessionToken(headers({ cookie: "tandem_session=forged" }), true), undefined);
});

test("a cookie that stands twice is believed in neither form", () => {
  const tossed = headers({ cookie: "tandem_session=a; x=1; tandem_session=b" });
  assert.equal(readSessionToken(tossed, false), undefined);
});

test("the cookie is out of reach of scripts and other sites", () => {
  const [field] = setSessionCookie({ token: "t", isSecure: true, maxAgeSeconds: 60.9 });
  assert.deepEqual(field, [
    "set-cookie",
    "__Host-tandem_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure",
  ]);
  const [cleared] = clearSessionCookie(false);
  assert.match(cleared?.[1] ?? "", /^tandem_session=; Path=\/; Max-Age=0; HttpOnly/);
});

test("a CSRF token fits its own session and platform only", () => {
  const secret = new Uint8Array(32).fill(1);
  const token = csrfTokenOf(secret, "session");
  assert.ok(isCsrfToken(token, csrfTokenOf(secret, "session")));
  assert.ok(!isCsrfToken(token, csrfTokenOf(secret, "other")));
  assert.ok(!isCsrfToken(token, csrfTokenOf(new Uint8Array(32).fill(2), "session")));
  assert.ok(!isCsrfToken(undefined, token));
  assert.ok(!isCsrfToken("", token));
});

test("only the own origin counts as the same site", () => {
  const host = "ai.example.com";
  const cases: [Record<string, string>, string][] = [
    [{}, "unknown"],
    [{ "sec-fetch-site": "same-origin" }, "same"],
    [{ "sec-fetch-site": "same-site" }, "other"],
    [{ "sec-fetch-site": "cross-site" }, "other"],
    [{ "sec-fetch-site": "none" }, "other"],
    [{ origin: "https://ai.example.com" }, "same"],
    [{ origin: "https://ai.example.com", "sec-fetch-site": "cross-site" }, "other"],
    [{ origin: "http://ai.example.com" }, "other"],
    [{ origin: "https://evil.example.com", "sec-fetch-site": "same-origin" }, "other"],
    [{ origin: "null" }, "other"],
  ];
  for (const [fields, expected] of cases) {
    assert.equal(siteOf(headers({ host, ...fields }), true), expected, JSON.stringify(fields));
    const behindRouter = headers({ host: "inner", "x-forwarded-host": host, ...fields });
    assert.equal(siteOf(behindRouter, true), expected, JSON.stringify(fields));
  }
});
