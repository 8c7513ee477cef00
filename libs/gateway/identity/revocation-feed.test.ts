import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "../../testing/index.ts";
import type { RevocationNews } from "./identity-cache.ts";
import { identityFaults } from "./identity-faults.ts";
import { followRevocations } from "./revocation-feed.ts";

test("the feed asks after the last sequence, backs off while it fails, and stops when told", async () => {
  const { world, advance } = seededWorld();
  const controller = new AbortController();
  const asked: (readonly [bigint, number])[] = [];
  const heard: bigint[] = [];
  const replies: (bigint | Error)[] = [5n, new Error("gone"), new Error("gone"), 6n];
  const cache = {
    sequence: 0n,
    hear(news: RevocationNews) {
      heard.push(news.sequence);
      cache.sequence = news.sequence;
    },
    hearNobody: () => assert.fail("an error alone does not say that nobody is there"),
  };
  const ended = followRevocations({
    cache,
    world,
    signal: controller.signal,
    watch: (after, waitMs) => {
      asked.push([after, waitMs]);
      const reply = replies.shift();
      if (reply instanceof Error) return Promise.reject(reply);
      if (reply === undefined) controller.abort();
      return Promise.resolve({ sequence: reply ?? after, revocations: [], reset: false });
    },
  });
  await advance(49);
  assert.equal(asked.length, 2);
  await advance(1);
  assert.equal(asked.length, 3);
  await advance(100);
  await ended;
  assert.deepEqual(asked, [
    [0n, 0],
    [5n, 1000],
    [5n, 0],
    [5n, 0],
    [6n, 1000],
  ]);
  assert.deepEqual(heard, [5n, 6n, 6n]);
});

test("a feed behind which no process runs says so", async () => {
  const { world, advance } = seededWorld();
  const controller = new AbortController();
  let nobody = 0;
  const cache = {
    sequence: 0n,
    hear: () => assert.fail("nothing was said"),
    hearNobody() {
      nobody += 1;
    },
  };
  const refused = identityFaults.unavailable({ context: { nobody_listens: true } });
  const ended = followRevocations({
    cache,
    world,
    signal: controller.signal,
    watch: () => Promise.reject(refused),
  });
  await advance(500);
  controller.abort();
  await ended;
  assert.equal(nobody, 4);
});
