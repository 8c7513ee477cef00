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
  const enter = (name: string) => places.enter(() => admitted.push(name));
  const grants = (next: PlaceGrant | Error): void => {
    grant = next;
  };
  return { ...seeded, places, calls, admitted, enter, grants };
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
