import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createLifecycle } from "@tandem/libs/service";
import { openHotStore } from "@tandem/libs/store/hot";
import { createTestHouse } from "@tandem/libs/testing";
import { realWorld, sleep } from "@tandem/libs/world";
import type { FellowWord } from "./core/vouching.ts";
import { startFellowWords } from "./fellow-words.ts";

const house = createTestHouse({ replicas: ["auth/1", "auth/2"], calls: {} });
const site = house.site("auth/1");
const hotStore = await openHotStore("memory:", { world: site.world, log: site.log });
const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing) await close();
  house.close();
});

function join(replica: `auth/${number}`, standing: () => FellowWord) {
  const own = house.site(replica);
  const lifecycle = createLifecycle(own);
  closing.push(() => lifecycle.replica(own.address).close({ deadlineMs: 1_000 }));
  return startFellowWords(own, lifecycle, { hotStore, standing });
}

test("a replica that says nothing may be writing; one that reads may too; both cut cannot", async () => {
  const world = realWorld();
  const first = join("auth/1", () => ({ isCut: true, sequence: 7n }));
  assert.equal(await first.areAllCut(7n), false, "nobody has heard of the other one");
  let other: FellowWord = { isCut: false, sequence: 7n };
  join("auth/2", () => other);
  assert.equal(await first.areAllCut(7n), false, "it reads");
  other = { isCut: true, sequence: 7n };
  while (!(await first.areAllCut(7n))) await sleep(world, 50);
  assert.equal(await first.areAllCut(6n), false, "it has read further");
  other = { isCut: false, sequence: 7n };
  while (await first.areAllCut(7n)) await sleep(world, 50);
  await hotStore.close();
  assert.equal(await first.areAllCut(7n), false, "without the store nothing is known");
});
