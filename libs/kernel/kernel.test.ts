import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  addNanos,
  defineFaults,
  Fault,
  formatNanos,
  idFromBytes,
  idTimestampMs,
  isId,
  parseNanos,
  priorities,
  priorityName,
  priorityOf,
  Secret,
  tokensToNanos,
} from "./index.ts";

test("an id says what it names, when it was made, and sorts by time", () => {
  const random = new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
  const early = idFromBytes("key", { timestampMs: 1_795_000_000_000, random });
  const late = idFromBytes("key", { timestampMs: 1_795_000_000_001, random: new Uint8Array(10) });
  assert.equal(early.length, 30);
  assert.ok(isId("key", early));
  assert.ok(!isId("org", early));
  assert.ok(!isId("key", `${early}x`));
  assert.equal(idTimestampMs(early), 1_795_000_000_000);
  assert.ok(early < late);
});

test("money survives the way through text to the last nano", () => {
  assert.equal(parseNanos("0.003625"), 3_625_000n);
  assert.equal(formatNanos(parseNanos("-12.5")), "-12.50");
  assert.equal(formatNanos(parseNanos("0.000000001")), "0.000000001");
  for (const text of ["", "1,5", "1e3", "1.0000000001", " 1", "0x1", "1234567890123456"]) {
    assert.throws(() => parseNanos(text), { reason: "money.malformed" });
  }
});

test("a charge is rounded once, up, over all its parts", () => {
  const third = tokensToNanos(1, 333_333n);
  assert.equal(addNanos([third, third, third]), 1n);
  assert.equal(addNanos([]), 0n);
});

test("a fault keeps its detail from the user and its definition's class", () => {
  const faults = defineFaults("quota", {
    no_credit: {
      code: "failed_precondition",
      blame: "client",
      retry: "never",
      publicMessage: "The credit is used up.",
      httpStatus: 402,
    },
  });
  const fault = faults.no_credit({ detail: "wallet wal_1 at 0" });
  assert.equal(fault.reason, "quota.no_credit");
  assert.equal(fault.httpStatus, 402);
  assert.equal(fault.publicMessage, "The credit is used up.");
  assert.ok(Fault.is(fault));
  assert.equal(Fault.from(new TypeError("x is undefined")).code, "internal");
  assert.ok(!Fault.from(new TypeError("pg://secret")).publicMessage.includes("secret"));
});

test("a secret shows itself only when asked by name", () => {
  const secret = new Secret("sk-real");
  const forms = [String(secret), JSON.stringify({ secret }), inspect(secret), `${secret}`];
  for (const form of forms) assert.ok(!form.includes("sk-real"));
  assert.equal(secret.reveal(), "sk-real");
});

test("a priority is its place in the list, and names nothing else", () => {
  for (const [place, name] of priorities.entries()) {
    assert.equal(priorityOf(name), place);
    assert.equal(priorityName(place), name);
  }
  for (const other of ["", "Critical", "constructor", "2"]) {
    assert.equal(priorityOf(other), undefined);
  }
});
