import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { shortcomings } from "./chaos-table.ts";
import { type ChaosHouse, killLoop, openChaosHouse } from "./kill-loop.ts";

let house: ChaosHouse | undefined;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

test("whoever is killed, no call fails for a client that retries, and a cut stream is seen to be cut", async () => {
  assert.ok(house);
  const report = await killLoop(house, {
    victims: "any",
    seconds: 10,
    seed: 1,
    load: { callsPerSecond: 20, streams: 40, streamTokens: 50 },
  });
  // Streams do not yet go on elsewhere when their gateway dies; how fast a replacement is depends
  // on the machine, and stands in the table of `npm run chaos`.
  const known = new Set(["streams were cut", "a replacement was late"]);
  const failures = shortcomings(report).filter((problem) => !known.has(problem));
  assert.deepEqual(failures, [], JSON.stringify(report.load.failures.slice(0, 5)));
});
