import assert from "node:assert/strict";
import { test } from "node:test";
import { StallGauge } from "./stall-gauge.ts";

function gauge(count: number, gapMs: number, firstMs: number): StallGauge {
  const made = new StallGauge();
  for (let index = 0; index < count; index += 1) {
    made.gap(gapMs);
    made.firstToken(firstMs);
  }
  return made;
}

test("nothing is said before enough was seen", () => {
  assert.equal(gauge(49, 20, 300).firstTokenLimitMs, undefined);
  assert.equal(gauge(499, 20, 300).idleLimitMs, undefined);
});

test("a silence is too long at ten times the usual one, and never below two seconds", () => {
  assert.equal(gauge(1_000, 20, 300).idleLimitMs, 2_000);
  assert.equal(gauge(1_000, 500, 300).idleLimitMs, 5_120);
  assert.equal(gauge(1_000, 9_000, 300).idleLimitMs, 20_000);
});

test("a first token is late at twice the usual time, within two and thirty seconds", () => {
  assert.equal(gauge(100, 20, 300).firstTokenLimitMs, 2_000);
  assert.equal(gauge(100, 20, 4_000).firstTokenLimitMs, 8_192);
  assert.equal(gauge(100, 20, 60_000).firstTokenLimitMs, 30_000);
});

test("one slow piece in a thousand changes nothing, two in a hundred do", () => {
  const made = gauge(1_000, 20, 300);
  made.gap(1_000);
  assert.equal(made.idleLimitMs, 2_000);
  for (let index = 0; index < 30; index += 1) made.gap(1_000);
  assert.equal(made.idleLimitMs, 10_240);
});

test("what was long ago fades", () => {
  const made = gauge(2_000, 1_500, 300);
  for (let index = 0; index < 200_000; index += 1) made.gap(10);
  assert.equal(made.idleLimitMs, 2_000);
});
