import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { shortcomings } from "./chaos-table.ts";
import { type ChaosHouse, killLoop, openChaosHouse } from "./kill-loop.ts";

let house: ChaosHouse | undefined;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

test("whoever is killed, no call fails and no stream is cut for a client that retries", async () => {
  assert.ok(house);
  const report = await killLoop(house, {
    victims: "any",
    seconds: 10,
    seed: 1,
    load: { callsPerSecond: 20, streams: 40, streamTokens: 50 },
  });
  assert.deepEqual(shortcomings(report), [], JSON.stringify(report.load.failures.slice(0, 5)));
});
