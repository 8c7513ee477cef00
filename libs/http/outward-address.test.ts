import assert from "node:assert/strict";
import { test } from "node:test";
import { isForbiddenAddress } from "./outward-address.ts";

test("metadata and link-local addresses are refused in every spelling", () => {
  for (const address of [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "0.0.0.0",
    "fe80::1",
    "100.100.100.200",
    "::",
    "224.0.0.1",
    "255.255.255.255",
    "nonsense",
  ]) {
    assert.ok(isForbiddenAddress(address, { allowPrivate: true }), address);
  }
});

test("private addresses are allowed only where the operator says so", () => {
  for (const address of [
    "10.1.2.3",
    "127.0.0.1",
    "::1",
    "192.168.0.9",
    "fd00::1",
    "::ffff:10.0.0.1",
  ]) {
    assert.ok(!isForbiddenAddress(address, { allowPrivate: true }), address);
    assert.ok(isForbiddenAddress(address, { allowPrivate: false }), address);
  }
  assert.ok(!isForbiddenAddress("93.184.216.34", { allowPrivate: false }));
});
