import assert from "node:assert/strict";
import { test } from "node:test";
import { realWorld, sleep } from "./index.ts";
import { Metronome } from "./metronome.ts";

/** Rings of each name until `count` of the last one have come, as the turns they came in. */
async function ringsOf(names: readonly string[], count: number) {
  const metronome = new Metronome();
  const rings: string[][] = [];
  let isNewTurn = true;
  const heard = Promise.withResolvers<void>();
  let left = count;
  const timers = [];
  for (const name of names) {
    const [periodMs = 0] = name.split(" ").map(Number);
    timers.push(
      metronome.every(periodMs, () => {
        if (isNewTurn) rings.push([]);
        isNewTurn = false;
        setImmediate(() => {
          isNewTurn = true;
        });
        rings.at(-1)?.push(name);
        if (name !== names.at(-1)) return;
        left -= 1;
        if (left === 0) heard.resolve();
      }),
    );
    await sleep(realWorld(), 30);
  }
  const alive = setTimeout(() => undefined, 60_000);
  await heard.promise;
  clearTimeout(alive);
  for (const timer of timers) timer?.cancel();
  return { rings, timers };
}

test("timers that were set at different moments ring in the same turns", async () => {
  const { rings } = await ringsOf(["250 first", "250 other", "500 slow"], 2);
  const last = rings.findLast((turn) => turn.includes("500 slow"));
  assert.deepEqual(last, ["250 first", "250 other", "500 slow"]);
  const halves = rings.filter((turn) => turn.includes("250 other"));
  assert.ok(halves.every((turn) => turn.includes("250 first")));
});

test("short and crooked periods, and many of one, ring by themselves", () => {
  const metronome = new Metronome();
  assert.equal(
    metronome.every(100, () => undefined),
    undefined,
  );
  assert.equal(
    metronome.every(1_100, () => undefined),
    undefined,
  );
  const timers = Array.from({ length: 40 }, () => metronome.every(1_000, () => undefined));
  assert.equal(timers.filter((timer) => timer !== undefined).length, 32);
  for (const timer of timers) timer?.cancel();
  const again = metronome.every(1_000, () => undefined);
  assert.ok(again !== undefined, "those that were cancelled leave room");
  again.cancel();
  again.cancel();
});

test("one that is cancelled by another in the same turn does not ring", async () => {
  const metronome = new Metronome();
  const rung: string[] = [];
  const done = Promise.withResolvers<void>();
  const alive = setTimeout(() => undefined, 60_000);
  const first = metronome.every(250, () => {
    rung.push("first");
    second?.cancel();
    if (rung.length === 2) done.resolve();
  });
  const second = metronome.every(250, () => rung.push("second"));
  await done.promise;
  clearTimeout(alive);
  first?.cancel();
  assert.deepEqual(rung, ["first", "first"]);
});
