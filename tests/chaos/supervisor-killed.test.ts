import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startLoad, startTandem, type Tandem } from "@tandem/libs/testing";
import { realWorld, sleep } from "@tandem/libs/world";
import { chaosSettings, openChaosHouse } from "./kill-loop.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "tandem-succession-"));
const house = await openChaosHouse("tandem", { dataDirectory });
let latest: Tandem = house.tandem;
after(async () => {
  await latest.stop();
  await house.engine.close();
  rmSync(dataDirectory, { recursive: true, force: true });
});

const rounds = 2;
const attempts = 1;

async function pidsOf(tandem: Tandem): Promise<ReadonlyMap<string, number | undefined>> {
  const { processes } = await tandem.status();
  return new Map(processes.map(({ name, pid }) => [name, pid]));
}

test("a supervisor that is killed, and its successor's start, are noticed by no call", async () => {
  const { tandem, engine } = house;
  const { port } = new URL(tandem.origin);
  const load = startLoad({
    ...{ baseUrl: tandem.baseUrl, apiKey: tandem.apiKey, model: "mock-1", attempts },
    ...{ callsPerSecond: 10, streams: 10, streamTokens: 50 },
  });
  const before = await pidsOf(tandem);
  for (let round = 0; round < rounds; round += 1) {
    process.kill(latest.supervisorPid, "SIGKILL");
    latest = await startTandem({
      ...{ dataDirectory, settings: chaosSettings(engine), flags: ["--port", port] },
    });
    assert.deepEqual(await pidsOf(latest), before);
  }
  // Those that began while nobody supervised have to come to their end, too.
  while (load.finished < 40) await sleep(realWorld(), 50);
  const { failures } = await load.stop();
  assert.deepEqual(failures, []);
});
