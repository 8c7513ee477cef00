/**
 * What the whole product costs when nobody calls it: how long it takes to start, and what it keeps.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startTandem, type Tandem } from "@tandem/libs/testing";
import type { HouseFigures } from "./budgets.ts";
import { cpuTimeUs, proportionalMemoryKib } from "./load/process-meter.ts";

/** What starting has left to be done, and to be collected, is over by then. */
const settleMs = 20_000;
const windowMs = 10_000;
/** It keeps a model of its own in memory, which is as large as the model is. */
const engineProcess = "engine-1";

/** Starts the default topology twice in the folder, which is empty. */
export async function measureHouse(folder: string): Promise<HouseFigures> {
  const dataDirectory = join(folder, "house");
  mkdirSync(dataDirectory);
  const first = await startTandem({ dataDirectory });
  await first.stop();
  const later = await startTandem({ dataDirectory });
  try {
    await pause(settleMs);
    const pids = await pidsOf(later);
    const beforeUs = cpuTimeUs(pids);
    await pause(windowMs);
    return {
      firstStartSeconds: first.readyMs / 1_000,
      laterStartSeconds: later.readyMs / 1_000,
      idleMib: proportionalMemoryKib(pids) / 1_024,
      idleCorePercent: (cpuTimeUs(pids) - beforeUs) / 10 / windowMs,
    };
  } finally {
    await later.stop();
  }
}

/** Of the supervisor and all it runs, but for the engine and the database. */
async function pidsOf(tandem: Tandem): Promise<readonly number[]> {
  const { processes } = await tandem.status();
  const own = processes.filter(({ name }) => name !== engineProcess);
  return [tandem.supervisorPid, ...own.flatMap(({ pid }) => pid ?? [])];
}
