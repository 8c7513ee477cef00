/** CI's share: the corpus, seeds of whole worlds, seeds of single cores, and the replay of one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commitOf, familyOf, runCampaign } from "./campaign.ts";
import { runCores } from "./cores/index.ts";
import { runSeed } from "./run-seed.ts";

/** Together at least 2,000. More of them: `npm run simulate`. */
const worlds = 180;
const cores = 1_840;

test("whole worlds: nothing is lost, whatever breaks", async (context) => {
  const lines: string[] = [];
  const result = await runCampaign({ from: 1, seeds: worlds, say: (line) => lines.push(line) });
  const { runs, failures, speed, processorMs, requests } = result;
  context.diagnostic(
    `${runs} seeds at ${commitOf()}, ${requests} requests, ` +
      `${Math.round(processorMs / 1_000)} s of processor time, ${Math.round(speed)} x`,
  );
  assert.deepEqual(failures.length, 0, lines.join("\n"));
});

test("single cores keep their promises", async (context) => {
  const failures = await runCores(1, cores);
  context.diagnostic(`${cores} seeds at ${commitOf()}`);
  assert.deepEqual(failures, []);
});

test("the same seed is the same run, to the last event", async () => {
  for (const seed of [3, 12, 25]) {
    const first = await runSeed(familyOf(seed), seed);
    const second = await runSeed(familyOf(seed), seed);
    assert.equal(first.digest, second.digest);
  }
});
