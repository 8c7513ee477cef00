import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, sleep } from "../world/index.ts";
import { seededRandom } from "./seeded-random.ts";
import { seededWorld } from "./seeded-world.ts";

test("the same seed gives the same world, another seed another one", () => {
  const ids = (seed: number) => newId(seededWorld(seed).world, "req");
  assert.equal(ids(7), ids(7));
  assert.notEqual(ids(7), ids(8));
});

test("timers ring in order of time, then of setting, and see the time they were set for", () => {
  const { world, elapse } = seededWorld();
  const rung: string[] = [];
  const ring = (name: string) => () => rung.push(`${name}@${world.clock.monotonicMs()}`);
  world.timers.after(20, ring("late"));
  world.timers.after(10, ring("first"));
  world.timers.after(10, ring("second"));
  world.timers.after(5, ring("never")).cancel();
  elapse(15);
  assert.deepEqual(rung, ["first@10", "second@10"]);
  elapse(5);
  assert.deepEqual(rung, ["first@10", "second@10", "late@20"]);
});

test("a repeating timer rings once a period until it is cancelled, from inside too", () => {
  const seeded = seededWorld();
  let rings = 0;
  const timer = seeded.world.timers.every(10, () => {
    rings += 1;
    if (rings === 3) timer.cancel();
  });
  seeded.elapse(100);
  assert.equal(rings, 3);
  assert.equal(seeded.pendingTimers, 0);
});

test("a chain of sleeps runs to its end within one advance", async () => {
  const { world, advance } = seededWorld();
  let finishedMs = -1;
  const chain = (async () => {
    for (let step = 0; step < 10; step += 1) await sleep(world, 100);
    finishedMs = world.clock.monotonicMs();
  })();
  await advance(999);
  assert.equal(finishedMs, -1);
  await advance(1);
  assert.equal(finishedMs, 1000);
  await chain;
});

test("a jump of the wall clock leaves durations alone", () => {
  const { world, jumpWallClock } = seededWorld();
  const before = world.clock.nowMs();
  jumpWallClock(-3_600_000);
  assert.equal(world.clock.nowMs(), before - 3_600_000);
  assert.equal(world.clock.monotonicMs(), 0);
});

test("seeded randomness is even enough to choose among equals", () => {
  const random = seededRandom("even");
  const counts = [0, 0, 0, 0, 0];
  for (let draw = 0; draw < 10_000; draw += 1) {
    const index = random.integer(5);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(count > 1_800 && count < 2_200, String(counts));
});
