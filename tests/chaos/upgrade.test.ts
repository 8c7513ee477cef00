import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLoad } from "@tandem/libs/testing";
import { type ChaosHouse, openChaosHouse } from "./kill-loop.ts";
import { upgradeLoop } from "./upgrade-loop.ts";

let house: ChaosHouse | undefined;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

const load = { callsPerSecond: 10, streams: 10, streamTokens: 100 };

test("an upgrade with a canary is noticed by no call and no stream", async () => {
  assert.ok(house);
  const { tandem } = house;
  const before = await tandem.status();
  const canary = "steps=10,50&step_seconds=1&step_seconds_max=2&requests=10";
  const report = await upgradeLoop(house, { upgrades: [canary], load });
  assert.ok(report.load.calls > 10 && report.load.streams >= 10);
  assert.deepEqual(report.load.failures, []);
  const pids = new Set(before.processes.map(({ pid }) => pid));
  const { processes } = await tandem.status();
  const kept = processes.filter(({ pid, state }) => state === "ready" && pids.has(pid));
  assert.deepEqual(
    kept.map(({ name }) => name),
    ["engine-1"],
  );
});

test("processes are added and taken away at full load, and nobody notices", async () => {
  assert.ok(house);
  const { tandem } = house;
  const running = startLoad({
    ...{ baseUrl: tandem.baseUrl, apiKey: tandem.apiKey, model: "mock-1", attempts: 1 },
    ...load,
  });
  try {
    for (const operation of ["scale/ai/3", "scale/router/3", "scale/ai/2", "scale/router/2"]) {
      await tandem.control(operation);
    }
  } finally {
    const { calls, failures } = await running.stop();
    assert.ok(calls > 5);
    assert.deepEqual(failures, []);
  }
  await tandem.until(({ state }) => state === "ready", 60_000);
});
