import assert from "node:assert/strict";
import { test } from "node:test";
import { type FailedAttempt, judgeRetry } from "./retry-rule.ts";

const lostPost: FailedAttempt = {
  requestStarted: true,
  isDeclined: false,
  isCommitted: false,
  isBodyKept: true,
  replay: "idempotent",
  method: "POST",
  hasIdempotencyKey: false,
  startedAttempts: 1,
  attemptsMax: 3,
};

test("a request that nobody saw is sent elsewhere without asking the budget", () => {
  assert.equal(judgeRetry({ ...lostPost, requestStarted: false }), "free");
});

test("a request that may have taken effect is repeated only where that is safe", () => {
  assert.equal(judgeRetry(lostPost), "no");
  assert.equal(judgeRetry({ ...lostPost, method: "PATCH" }), "no");
  assert.equal(judgeRetry({ ...lostPost, method: "DELETE" }), "budgeted");
  assert.equal(judgeRetry({ ...lostPost, hasIdempotencyKey: true }), "budgeted");
  assert.equal(judgeRetry({ ...lostPost, replay: "always" }), "budgeted");
  assert.equal(judgeRetry({ ...lostPost, isDeclined: true }), "budgeted");
});

test("nothing is repeated once the client has seen a byte, or the body is gone", () => {
  const safe: FailedAttempt = { ...lostPost, replay: "always" };
  assert.equal(judgeRetry({ ...safe, isCommitted: true }), "no");
  assert.equal(judgeRetry({ ...safe, isBodyKept: false }), "no");
  assert.equal(judgeRetry({ ...safe, requestStarted: false, isCommitted: true }), "no");
});

test("the attempts of one request are bounded", () => {
  const safe: FailedAttempt = { ...lostPost, replay: "always" };
  assert.equal(judgeRetry({ ...safe, startedAttempts: 2 }), "budgeted");
  assert.equal(judgeRetry({ ...safe, startedAttempts: 3 }), "no");
});
