import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codeOfError,
  isOwnLack,
  judgeAttempt,
  messageOfError,
  readRetryAfter,
  type Verdict,
} from "./attempt-outcome.ts";

function ofStatus(status: number, error: unknown = undefined): Verdict {
  return judgeAttempt({ kind: "status", status, retryAfterMs: undefined, error, detail: "" });
}

test("what the client did wrong is told to it, and nobody else is asked", () => {
  for (const status of [400, 413, 422, 415]) {
    assert.deepEqual(ofStatus(status), { mayRetry: false, health: "none", tell: "refused" });
  }
});

test("our own key, account or model name at an upstream is never the client's fault", () => {
  for (const status of [401, 402, 403, 404]) {
    assert.deepEqual(ofStatus(status), { mayRetry: true, health: "failed", tell: "failed" });
  }
  assert.equal(ofStatus(400, { code: "Arrearage", type: "Arrearage" }).tell, "failed");
  assert.equal(ofStatus(400, { code: "data_inspection_failed" }).tell, "refused");
});

test("a busy upstream is told as busy, a broken one as failed, and both are tried elsewhere", () => {
  for (const status of [429, 503, 529]) assert.equal(ofStatus(status).tell, "busy");
  for (const status of [500, 502, 504, 408]) assert.equal(ofStatus(status).tell, "failed");
  const kinds = [
    "unreachable",
    "busy",
    "first_token_timeout",
    "idle_timeout",
    "malformed",
    "broken",
  ] as const;
  for (const kind of kinds) assert.ok(judgeAttempt({ kind, detail: "" }).mayRetry);
  assert.equal(judgeAttempt({ kind: "unreachable", detail: "" }).health, "refused");
  assert.equal(judgeAttempt({ kind: "total_timeout", detail: "" }).mayRetry, false);
});

test("a process without descriptors blames no upstream; one that no route leads to is to blame", () => {
  const caused = new Error("cannot connect", {
    cause: Object.assign(new Error(), { code: "EMFILE" }),
  });
  assert.ok(isOwnLack(caused));
  assert.ok(isOwnLack(Object.assign(new Error(), { code: "ENOBUFS" })));
  // `::1` where there is no IPv6.
  assert.ok(!isOwnLack(Object.assign(new Error(), { code: "EADDRNOTAVAIL" })));
  assert.ok(!isOwnLack(Object.assign(new Error(), { code: "ECONNREFUSED" })));
  assert.ok(!isOwnLack(new Error("closed by the peer")));
  const verdict = judgeAttempt({ kind: "no_connection", detail: "" });
  // Another target may have an idle connection.
  assert.deepEqual(verdict, { mayRetry: true, health: "none", tell: "own_lack" });
});

test("an odd status with no meaning here counts as a failure", () => {
  for (const status of [100, 204, 302, 304]) assert.equal(ofStatus(status).tell, "failed");
});

test("of an upstream's error only its words and a known form of code get through", () => {
  assert.equal(messageOfError({ message: "too long" }), "too long");
  assert.equal(messageOfError({ message: "x".repeat(5_000) }).length, 1_000);
  assert.equal(messageOfError({ message: { nested: 1 } }), "");
  assert.equal(messageOfError(undefined), "");
  assert.equal(codeOfError({ code: "context_length_exceeded" }), "context_length_exceeded");
  assert.equal(codeOfError({ code: "a\r\nb" }), "");
  assert.equal(codeOfError({ code: 400 }), "");
});

test("Retry-After is read in both forms", () => {
  const nowMs = Date.UTC(2026, 10, 22);
  assert.equal(readRetryAfter("7", nowMs), 7_000);
  assert.equal(readRetryAfter("Sun, 22 Nov 2026 00:00:30 GMT", nowMs), 30_000);
  assert.equal(readRetryAfter("soon", nowMs), undefined);
  assert.equal(readRetryAfter(undefined, nowMs), undefined);
});
