import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "@tandem/libs/testing";
import { type PlaceGrant, Places } from "./places.ts";

function bench(options: { total?: number; queueMax?: number; replicas?: number } = {}) {
  const seeded = seededWorld();
  const calls: [number, number][] = [];
  let grant: PlaceGrant | Error = { granted: 2, validMs: 2_000 };
  const places = new Places({
    world: seeded.world,
    total: options.total ?? 4,
    replicas: options.replicas ?? 2,
    queueMax: options.queueMax ?? 100,
    lease: (wanted, inUse) => {
      calls.push([wanted, inUse]);
      return grant instanceof Error ? Promise.reject(grant) : Promise.resolve(grant);
    },
  });
  const admitted: string[] = [];
  const refused: string[] = [];
  const enter = (name: string, priority?: number) =>
    places.enter(
      () => admitted.push(name),
      () => refused.push(name),
      priority,
    );
  const grants = (next: PlaceGrant | Error): void => {
    grant = next;
  };
  return { ...seeded, places, calls, admitted, refused, enter, grants };
}

test("without a limit everybody enters at once and nobody is asked", () => {
  const { places, calls } = bench({ total: 0 });
  assert.ok(places.tryEnter());
  assert.ok(places.tryEnter());
  assert.equal(places.inUse, 2);
  assert.equal(places.isFull, false);
  assert.deepEqual(calls, []);
});

test("requests enter in the order they came, as far as places were granted", async () => {
  const { places, admitted, enter, calls, advance } = bench();
  for (const name of ["a", "b", "c"]) enter(name);
  await advance(0);
  assert.deepEqual(admitted, ["a", "b"]);
  assert.deepEqual(calls[0], [1, 0]);
  assert.ok(places.isFull);
  places.leave();
  assert.deepEqual(admitted, ["a", "b", "c"]);
  places.leave();
  assert.ok(places.tryEnter());
  assert.ok(!places.tryEnter());
});

test("a request that gives up is passed over, and the queue is bounded", async () => {
  const { places, admitted, enter, advance } = bench({ queueMax: 4 });
  for (const name of ["a", "b"]) enter(name);
  const giveUp = enter("c");
  enter("d");
  assert.equal(enter("e"), undefined);
  await advance(0);
  giveUp?.();
  places.leave();
  assert.deepEqual(admitted, ["a", "b", "d"]);
});

test("the lease is renewed before its end while places are used, and rests otherwise", async () => {
  const { places, calls, enter, advance } = bench();
  enter("a");
  await advance(0);
  assert.equal(calls.length, 1);
  await advance(500);
  places.tick();
  assert.equal(calls.length, 1);
  await advance(600);
  places.tick();
  assert.deepEqual(calls[1], [1, 1]);
  places.leave();
  await advance(5_000);
  places.tick();
  assert.equal(calls.length, 2);
});

test("while nobody can be asked a replica uses its share of the places", async () => {
  const { admitted, enter, grants, advance } = bench({ total: 6, replicas: 2 });
  grants(new Error("inference is away"));
  for (const name of ["a", "b", "c", "d"]) enter(name);
  await advance(0);
  assert.deepEqual(admitted, ["a", "b", "c"]);
});

test("where people give up the newest goes first, and a full queue drops its oldest", async () => {
  const { places, admitted, refused, enter, advance } = bench({ queueMax: 4 });
  for (const name of ["a", "b"]) enter(name);
  await advance(0);
  const impatient = ["c", "d", "e", "f"].map((name) => enter(name));
  await advance(1_000);
  for (const giveUp of impatient) giveUp?.();
  for (const name of ["g", "h", "i", "j"]) enter(name);
  assert.equal(enter("too many"), undefined);
  await advance(600);
  assert.equal(places.isHopeless(), true);
  enter("k");
  assert.deepEqual(refused, ["g"]);
  places.leave();
  assert.deepEqual(admitted, ["a", "b", "k"]);
  // Nobody gives up any more: it is first come, first served again.
  await advance(20_000);
  places.tick();
  await advance(0);
  places.leave();
  assert.deepEqual(admitted, ["a", "b", "k", "h"]);
});

test("what matters more goes first, and takes the room of what matters least", async () => {
  const { places, admitted, refused, enter, advance } = bench({ queueMax: 4 });
  for (const name of ["a", "b"]) enter(name);
  await advance(0);
  enter("lowest", 0);
  enter("newest lowest", 0);
  const gone = enter("impatient");
  enter("first");
  assert.equal(enter("another lowest", 0), undefined);
  enter("urgent", 2);
  assert.deepEqual(refused, ["newest lowest"]);
  gone?.();
  enter("second");
  assert.deepEqual(refused, ["newest lowest"]);
  enter("third");
  assert.deepEqual(refused, ["newest lowest", "lowest"]);
  assert.equal(enter("fourth"), undefined, "nobody makes room for their like");
  for (let count = 0; count < 4; count += 1) places.leave();
  assert.deepEqual(admitted, ["a", "b", "urgent", "first", "second", "third"]);
  assert.equal(places.waiting, 0);
});

/** Clients that wait ten seconds, at twenty places of a second each; the share that is not wasted. */
async function goodputAt(perSecond: number): Promise<number> {
  const { world, advance } = seededWorld();
  const [total, serviceMs, patienceMs, minuteMs] = [20, 1_000, 10_000, 60_000];
  const places = new Places({
    ...{ world, total, replicas: 1, queueMax: 1_000 },
    lease: () => Promise.resolve({ granted: total, validMs: 3_600_000 }),
  });
  let served = 0;
  const request = (): void => {
    const sinceMs = world.clock.monotonicMs();
    let giveUp: (() => void) | undefined;
    const patience = world.timers.after(patienceMs, () => giveUp?.());
    const admit = (): void => {
      world.timers.after(serviceMs, () => {
        patience.cancel();
        if (world.clock.monotonicMs() - sinceMs <= patienceMs) served += 1;
        places.leave();
      });
    };
    if (places.tryEnter()) admit();
    else giveUp = places.enter(admit, () => patience.cancel());
  };
  world.timers.every(1_000 / perSecond, request);
  await advance(minuteMs);
  const before = served;
  await advance(minuteMs);
  return (served - before) / ((minuteMs / serviceMs) * total);
}

for (const times of [1.5, 5]) {
  test(`at ${times} times the capacity nearly every place serves somebody who is still there`, async () => {
    const share = await goodputAt(20 * times);
    assert.ok(share >= 0.95, `${(share * 100).toFixed(0)} %`);
  });
}
