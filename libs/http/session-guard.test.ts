import assert from "node:assert/strict";
import { test } from "node:test";
import { TalkBudget } from "./session-guard.ts";

const sweepMs = 250;

/** Sweeps until the budget is exceeded; gives after how many, or undefined if never. */
function sweepsUntilExceeded(each: {
  readonly read: number;
  readonly written?: number;
  readonly heads?: number;
  readonly body?: number;
}): number | undefined {
  const budget = new TalkBudget();
  for (let sweep = 1; sweep <= 1_000; sweep += 1) {
    if (each.heads !== undefined) budget.headArrived(each.heads);
    if (each.body !== undefined) budget.bodyArrived(each.body);
    const bytesWritten = sweep * (each.written ?? 0);
    if (budget.isExceeded({ bytesRead: sweep * each.read, bytesWritten }, sweepMs)) return sweep;
  }
  return undefined;
}

test("what carries requests, bodies and answers is no talk, however much of it there is", () => {
  assert.equal(sweepsUntilExceeded({ read: 50_000, heads: 60_000 }), undefined);
  // Frames of sixteen bytes, with nine bytes of framing each.
  assert.equal(sweepsUntilExceeded({ read: 250_000, body: 160_000 }), undefined);
  // A reader that opens its windows after each chunk of two hundred bytes, twice.
  assert.equal(sweepsUntilExceeded({ read: 26_000, written: 209_000 }), undefined);
  // A ping a second, and settings now and then.
  assert.equal(sweepsUntilExceeded({ read: 40 }), undefined);
});

test("frames that carry nothing are had enough of within a moment", () => {
  assert.equal(sweepsUntilExceeded({ read: 100_000 }), 1);
  // Pings that are all answered, and data of one byte a frame.
  assert.equal(sweepsUntilExceeded({ read: 100_000, written: 100_000 }), 1);
  assert.equal(sweepsUntilExceeded({ read: 100_000, body: 10_000 }), 1);
  // Just above what may go on for ever.
  assert.ok(Number(sweepsUntilExceeded({ read: 3_000 })) > 50);
});
