import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { type OutageBounds, outageShortcomings, outageTable, promise } from "./outage-table.ts";
import { type OutageHouse, openOutageHouse, serviceOutages } from "./service-outage.ts";

let house: OutageHouse | undefined;

before(async () => {
  house = await openOutageHouse();
});
after(() => house?.close());

/** A minute each, held to the promise: TANDEM_OUTAGE_SECONDS=60, on a quiet machine. */
const seconds = Number(realWorld().environment["TANDEM_OUTAGE_SECONDS"] ?? 0);
const isLong = seconds > 0;
/** Tests share their machine. */
const shared: OutageBounds = { fallbackMs: 1_000, otherRatio: 3, otherSlackMs: 500 };

test("each service in turn is gone, both replicas: its fallback answers, nobody else notices", async (context) => {
  assert.ok(house);
  const run = await serviceOutages(house, {
    seconds: isLong ? seconds : 3,
    controlSeconds: isLong ? seconds / 2 : 1.5,
    load: { callsPerSecond: 10, streams: 5, streamTokens: 12 },
    tell: (line) => context.diagnostic(line),
  });
  for (const line of outageTable(run).split("\n")) context.diagnostic(line);
  assert.deepEqual(outageShortcomings(run, isLong ? promise : shared), []);
});
