import assert from "node:assert/strict";
import { test } from "node:test";
import { isPreflight, parseOrigins } from "./cross-origin.ts";

function asked(fields: Readonly<Record<string, string>>, path = "/v1/chat/completions") {
  return { path, headers: { get: (name: string) => fields[name] } };
}

const page = "https://app.example.com";

test("without a configured origin no answer says anything, and no preflight is allowed", () => {
  const none = parseOrigins("");
  assert.deepEqual(none.fieldsFor(asked({ origin: page })), []);
  assert.equal(none.preflightFieldsFor(asked({ origin: page })), undefined);
});

test("an allowed origin is named, another one is not, and whoever keeps answers is warned", () => {
  const some = parseOrigins(`${page} , http://localhost:5173`);
  for (const origin of [page, "http://localhost:5173"]) {
    assert.deepEqual(Object.fromEntries(some.fieldsFor(asked({ origin }))), {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "*",
      vary: "origin",
    });
  }
  for (const origin of ["http://localhost:5174", "https://example.com", `${page}.evil`, "null"]) {
    assert.deepEqual(some.fieldsFor(asked({ origin })), [["vary", "origin"]], origin);
    assert.equal(some.preflightFieldsFor(asked({ origin })), undefined, origin);
  }
  assert.deepEqual(some.fieldsFor(asked({})), [["vary", "origin"]]);
});

test("credentials are never allowed, whatever is configured", () => {
  for (const text of ["*", page]) {
    const rule = parseOrigins(text);
    const request = asked({ origin: page, cookie: "tandem_session=x" });
    const fields = [...rule.fieldsFor(request), ...(rule.preflightFieldsFor(request) ?? [])];
    assert.ok(fields.length > 0);
    assert.ok(fields.every(([name]) => name !== "access-control-allow-credentials"));
  }
  const open = new Map(parseOrigins("*").fieldsFor(asked({ origin: "https://any.example" })));
  assert.equal(open.get("access-control-allow-origin"), "*");
});

test("the management API is for its own origin, even where any page may use models", () => {
  const open = parseOrigins("*");
  assert.deepEqual(open.fieldsFor(asked({ origin: page }, "/api/v1/keys")), []);
  const fields = { origin: page, "access-control-request-method": "POST" };
  assert.equal(isPreflight({ method: "OPTIONS", ...asked(fields, "/api/v1/keys") }), false);
  assert.equal(isPreflight({ method: "OPTIONS", ...asked(fields) }), true);
  assert.equal(isPreflight({ method: "POST", ...asked(fields) }), false);
  assert.equal(isPreflight({ method: "OPTIONS", ...asked({ origin: page }) }), false);
});

test("a preflight may ask for any fields, but for nothing that is no field's name", () => {
  const rule = parseOrigins(page);
  const allowed = (names: string): unknown => {
    const request = asked({ origin: page, "access-control-request-headers": names });
    return new Map(rule.preflightFieldsFor(request)).get("access-control-allow-headers");
  };
  const sdk = "authorization,content-type,x-stainless-os,idempotency-key,last-event-id";
  assert.equal(allowed(sdk), sdk);
  assert.equal(allowed("Authorization, X-Api-Key"), "authorization, x-api-key");
  for (const odd of ["", "a b", "a,,b", "a\r\nset-cookie: x", "é", `${"a,".repeat(3_000)}a`]) {
    assert.equal(allowed(odd), undefined, odd.slice(0, 20));
  }
});
