import assert from "node:assert/strict";
import { test } from "node:test";
import { addressMatches, parseAddressRule } from "./address-rule.ts";

function matches(range: string, address: string): boolean {
  const rule = parseAddressRule(range);
  assert.ok(rule !== undefined);
  return addressMatches(rule, address);
}

test("a range holds what its bits say, in both families, also for IPv4 written inside IPv6", () => {
  assert.ok(matches("10.0.0.0/8", "10.255.1.2"));
  assert.ok(!matches("10.0.0.0/8", "11.0.0.1"));
  assert.ok(matches("10.0.0.0/8", "::ffff:10.0.0.9"));
  assert.ok(matches("192.0.2.7", "192.0.2.7"));
  assert.ok(!matches("192.0.2.7", "192.0.2.8"));
  assert.ok(matches("2001:db8::/32", "2001:db8:1::1"));
  assert.ok(!matches("2001:db8::/32", "2001:db9::1"));
});

test("what is no address matches nothing, and what is no range lets nobody in", () => {
  assert.ok(!matches("0.0.0.0/0", ""));
  assert.ok(!matches("0.0.0.0/0", "unix"));
  for (const range of ["", "10.0.0.0/33", "10.0.0.0/x", "example.com", "10.0.0.0/-1"]) {
    assert.equal(parseAddressRule(range), undefined);
  }
});
