import assert from "node:assert/strict";
import { test } from "node:test";
import { followHeap, followMemory } from "./memory-share.ts";

function stage() {
  const told = { share: 0.2, watchers: 0 };
  let collected: () => void = () => undefined;
  const heapShare = followHeap({
    share: () => told.share,
    onCollected(run) {
      told.watchers += 1;
      collected = run;
      return () => {
        told.watchers -= 1;
      };
    },
  });
  const collectTo = (share: number): void => {
    told.share = share;
    collected();
  };
  return { told, heapShare, collectTo };
}

test("garbage up to the limit is not what a process uses", () => {
  const { told, heapShare, collectTo } = stage();
  for (const share of [0.4, 0.6, 0.79, 0.95]) {
    told.share = share;
    assert.ok(heapShare() <= 0.5, String(share));
  }
  collectTo(0.3);
  told.share = 0.9;
  assert.equal(heapShare(), 0.3);
});

test("what a collection leaves is", () => {
  const { told, heapShare, collectTo } = stage();
  told.share = 0.9;
  heapShare();
  collectTo(0.87);
  told.share = 0.95;
  assert.equal(heapShare(), 0.87);
  // What went away without a collection of all is gone too.
  told.share = 0.6;
  assert.equal(heapShare(), 0.6);
});

test("collections are watched only while the heap is well filled", () => {
  const { told, heapShare } = stage();
  for (const [share, watchers] of [
    [0.2, 0],
    [0.7, 1],
    [0.8, 1],
    [0.3, 0],
    [0.6, 1],
  ] as const) {
    told.share = share;
    heapShare();
    assert.equal(told.watchers, watchers, String(share));
  }
});

test("this process uses some of its memory and not all", () => {
  const share = followMemory()(process.memoryUsage.rss());
  assert.ok(share > 0 && share < 1, String(share));
});
