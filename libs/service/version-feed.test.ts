import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "../testing/index.ts";
import { createVersionFeed } from "./version-feed.ts";

const patient = { waitMs: 5_000, onAbandon: () => undefined };

test("who is behind is answered at once, who is not waits for the next version", async () => {
  const feed = createVersionFeed(seededWorld(1).world.timers, 3n);
  assert.equal(await feed.wait(2n, patient), 3n);
  const waiting = feed.wait(3n, patient);
  feed.advance(2n);
  feed.advance(4n);
  assert.equal(await waiting, 4n);
});

test("patience, leaving and draining each end the wait with nothing new", async () => {
  const time = seededWorld(1);
  const feed = createVersionFeed(time.world.timers, 3n);
  const timedOut = feed.wait(3n, patient);
  await time.advance(5_000);
  assert.equal(await timedOut, 3n);
  let leave: () => void = () => assert.fail("nobody was told how to leave");
  const left = feed.wait(3n, { waitMs: 5_000, onAbandon: (run) => (leave = run) });
  leave();
  assert.equal(await left, 3n);
  const drained = feed.wait(3n, patient);
  feed.release();
  assert.equal(await drained, 3n);
  assert.equal(await feed.wait(3n, patient), 3n, "and nobody waits afterwards");
});
