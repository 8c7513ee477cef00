import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { createProbeGuard } from "./probe-guard.ts";

function bench() {
  const clock = { ms: 1_000 };
  const guard = createProbeGuard(() => clock.ms);
  const isHeldUp = (address: string): boolean => {
    try {
      guard.check(address);
      return false;
    } catch (error) {
      assert.ok(Fault.is(error) && error.httpStatus === 429 && (error.retryAfterMs ?? 0) > 0);
      return true;
    }
  };
  return { clock, guard, isHeldUp };
}

test("sixty refusals are free, then one a second; other addresses are not touched", () => {
  const { clock, guard, isHeldUp } = bench();
  for (let guess = 0; guess < 60; guess += 1) {
    assert.ok(!isHeldUp("a"), `guess ${guess}`);
    guard.note("a");
  }
  assert.ok(isHeldUp("a"));
  assert.ok(!isHeldUp("b"));
  clock.ms += 1_000;
  assert.ok(!isHeldUp("a"));
  guard.note("a");
  assert.ok(isHeldUp("a"));
});

test("a million guesses cost an attacker a second each and us no memory", () => {
  const { clock, guard, isHeldUp } = bench();
  let tried = 0;
  for (let guess = 0; guess < 100_000; guess += 1) {
    clock.ms += 10;
    if (isHeldUp("a")) continue;
    tried += 1;
    guard.note("a");
  }
  assert.ok(tried <= 1_060, `${tried} in 1,000 s`);
  for (let address = 0; address < 20_000; address += 1) guard.note(`x${address}`);
  clock.ms += 60_000;
  assert.ok(!isHeldUp("a"));
});
