import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "../testing/index.ts";
import { Vigil } from "./index.ts";

function open({ isBusy = () => false }: { isBusy?: () => boolean } = {}) {
  const { world, elapse } = seededWorld();
  const vigil = new Vigil({ world, awakeMs: 10_000, slowMs: 500, isBusy });
  const rangAtMs: number[] = [];
  vigil.every(100, () => rangAtMs.push(world.clock.monotonicMs()));
  const ringsIn = (ms: number): number => {
    rangAtMs.length = 0;
    elapse(ms);
    return rangAtMs.length;
  };
  return { vigil, elapse, ringsIn, rangAtMs };
}

test("what nobody touches is slow, the first touch makes it quick at once", () => {
  const { vigil, ringsIn, rangAtMs } = open();
  assert.equal(ringsIn(5_000), 10);
  rangAtMs.length = 0;
  vigil.touch();
  assert.deepEqual(rangAtMs, [5_000]);
  assert.equal(ringsIn(1_000), 10);
});

test("it stays quick while it is touched, and for a while afterwards", () => {
  const { vigil, ringsIn } = open();
  for (let second = 0; second < 30; second += 1) {
    vigil.touch();
    assert.ok(ringsIn(1_000) >= 10);
  }
  assert.equal(ringsIn(9_000), 90);
  ringsIn(2_000);
  assert.equal(ringsIn(5_000), 10);
});

test("what is under way keeps it awake, and wakes it, without a touch", () => {
  let isBusy = true;
  const { ringsIn } = open({ isBusy: () => isBusy });
  ringsIn(1_000);
  assert.equal(ringsIn(30_000), 300);
  isBusy = false;
  ringsIn(11_000);
  assert.equal(ringsIn(5_000), 10);
});

test("after its end nothing rings, and a period longer than the slow one stays as it is", () => {
  const { vigil, ringsIn, elapse } = open();
  let slow = 0;
  const timer = vigil.every(2_000, () => {
    slow += 1;
  });
  elapse(10_000);
  assert.equal(slow, 5);
  timer.cancel();
  vigil.touch();
  elapse(10_000);
  assert.equal(slow, 5);
  vigil.close();
  assert.equal(ringsIn(20_000), 0);
});
