import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadShedder } from "./load-shedder.ts";

const periodMs = 50;
const [sheddable, usual, critical] = [0, 1, 2] as const;

/** So many looks, each so late and after so many requests. */
function look(shedder: LoadShedder, given: { times: number; lateMs: number; arrivals?: number }) {
  const { times, lateMs, arrivals = 50 } = given;
  for (let time = 0; time < times; time += 1) {
    for (let count = 0; count < arrivals; count += 1) shedder.admits(usual, 1);
    shedder.tick(periodMs + lateMs, periodMs);
  }
}

/** Of a thousand, how many are let in. */
function admitted(shedder: LoadShedder, priority: number): number {
  let count = 0;
  for (let at = 0; at < 1_000; at += 1) if (shedder.admits(priority, at / 1_000)) count += 1;
  return count;
}

test("while the loop keeps its time nobody is turned away, however many come", () => {
  const shedder = new LoadShedder();
  look(shedder, { times: 100, lateMs: 20, arrivals: 1_000 });
  assert.ok(shedder.isIdle);
  assert.equal(admitted(shedder, sheddable), 1_000);
});

test("a loop that is late for long turns away the least important first, one after the other", () => {
  const shedder = new LoadShedder();
  const order: string[] = [];
  const names = ["sheddable", "default", "critical"];
  for (let time = 0; time < 20; time += 1) {
    look(shedder, { times: 1, lateMs: 160 });
    for (const [priority, name] of names.entries()) {
      if (admitted(shedder, priority) === 1_000) continue;
      if (!order.includes(name)) order.push(name);
      for (let less = 0; less < priority; less += 1) assert.equal(admitted(shedder, less), 0);
    }
  }
  assert.deepEqual(order, names);
  assert.ok(admitted(shedder, critical) > 0, "some are let in, or no end would be noticed");
});

test("what matters most is left alone while turning the others away helps", () => {
  const shedder = new LoadShedder();
  look(shedder, { times: 100, lateMs: 120 });
  assert.equal(admitted(shedder, usual), 0);
  assert.equal(admitted(shedder, critical), 1_000);
});

test("within a second of the flood's end everybody is let in again", () => {
  const shedder = new LoadShedder();
  look(shedder, { times: 100, lateMs: 200 });
  assert.equal(admitted(shedder, usual), 0);
  look(shedder, { times: 1_000 / periodMs, lateMs: 0 });
  assert.ok(shedder.isIdle, String(shedder.pressure));
});

test("a process that is late without a flood turns nobody away: it would relieve nothing", () => {
  const shedder = new LoadShedder();
  look(shedder, { times: 100, lateMs: 150, arrivals: 4 });
  assert.ok(shedder.isIdle);
});

test("a process that stood still takes that for one late look", () => {
  const shedder = new LoadShedder();
  look(shedder, { times: 1, lateMs: 20_000, arrivals: 5_000 });
  assert.equal(admitted(shedder, usual), 1_000);
});
