import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptTraceparent, newTraceparent } from "./trace-context.ts";

const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("a valid trace is passed on as it came", () => {
  assert.equal(acceptTraceparent(valid), valid);
});

test("of a later version the fields that are known are taken", () => {
  assert.equal(acceptTraceparent(`cc${valid.slice(2)}-what-comes`), valid);
});

test("an invalid trace is not passed on", () => {
  for (const value of [
    undefined,
    "",
    `ff${valid.slice(2)}`,
    `${valid}-more`,
    valid.toUpperCase(),
    `${valid}, ${valid}`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`,
    valid.slice(0, -1),
  ]) {
    assert.equal(acceptTraceparent(value), undefined, String(value));
  }
});

test("a new trace is valid", () => {
  const made = newTraceparent(Uint8Array.from({ length: 24 }, (_, index) => index + 1));
  assert.equal(acceptTraceparent(made), made);
});
