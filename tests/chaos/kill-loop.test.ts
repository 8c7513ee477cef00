import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { shortcomings } from "./chaos-table.ts";
import { type ChaosHouse, killLoop, openChaosHouse, type Victims } from "./kill-loop.ts";

let house: ChaosHouse | undefined;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

const seconds = 5;
/** Tests share their machine; the contract of five seconds is measured by `npm run chaos`. */
const recoveryLimitMs = 15_000;
const load = { callsPerSecond: 20, streams: 40, streamTokens: 50 };

async function check(victims: Victims): Promise<void> {
  assert.ok(house);
  const report = await killLoop(house, { victims, seconds, seed: 1, load });
  const told = JSON.stringify({ ...report.load, costNanos: undefined, failures: [] });
  assert.deepEqual(shortcomings({ victims, recoveryLimitMs, report }), [], told);
}

test("whoever is killed, no call fails and every answer is right, charged and charged once", () =>
  check("any"));

test("streams of gateways that are killed go on, to the word", () => check("gateways"));

test("services that are killed are not noticed, not even by streams", () => check("services"));
