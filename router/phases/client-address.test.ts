import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderList } from "@tandem/libs/http";
import { forwardedFor, parseTrustedProxies } from "./client-address.ts";

function headers(fields: Readonly<Record<string, string>>): HeaderList {
  return {
    get: (name) => fields[name],
    has: (name) => fields[name] !== undefined,
    entries: () => Object.entries(fields),
  };
}

const told = headers({ "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https" });

test("what a stranger says about itself is not believed", () => {
  const trusted = parseTrustedProxies("10.0.0.0/8");
  assert.deepEqual(
    forwardedFor({ remoteAddress: "198.51.100.7", isTls: false, headers: told }, trusted),
    { chain: "198.51.100.7", protocol: "http" },
  );
});

test("a trusted proxy is believed and named behind its caller", () => {
  const trusted = parseTrustedProxies("10.0.0.0/8, ::1");
  for (const remoteAddress of ["10.1.2.3", "::ffff:10.1.2.3", "::1"]) {
    assert.deepEqual(forwardedFor({ remoteAddress, isTls: false, headers: told }, trusted), {
      chain: `203.0.113.9, ${remoteAddress}`,
      protocol: "https",
    });
  }
});

test("nonsense from a trusted proxy is dropped", () => {
  const nonsense = headers({ "x-forwarded-for": "<script>", "x-forwarded-proto": "gopher" });
  const trusted = parseTrustedProxies("10.0.0.1");
  assert.deepEqual(
    forwardedFor({ remoteAddress: "10.0.0.1", isTls: true, headers: nonsense }, trusted),
    { chain: "10.0.0.1", protocol: "https" },
  );
});

test("nobody is trusted when nobody is named", () => {
  assert.equal(parseTrustedProxies("").isEmpty, true);
  assert.throws(() => parseTrustedProxies("10.0.0.0/99"));
});
