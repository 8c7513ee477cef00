import assert from "node:assert/strict";
import { test } from "node:test";
import { clientAddress } from "./client-address.ts";

const from = (chain: string | undefined): string => clientAddress({ get: () => chain }, "the peer");

test("the caller is who spoke to the router, or to the trusted proxy before it", () => {
  assert.equal(from("203.0.113.9"), "203.0.113.9");
  assert.equal(from("203.0.113.9, 10.0.0.1"), "203.0.113.9");
  assert.equal(from("forged, 203.0.113.9, 10.0.0.1"), "203.0.113.9");
  assert.equal(from(undefined), "the peer");
  assert.equal(from(""), "the peer");
});
