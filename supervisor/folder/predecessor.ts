import { rmSync } from "node:fs";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { z } from "zod";
import type { DataDirectory } from "./data-directory.ts";
import { readOwner } from "./owner.ts";
import { readJsonFile, writePrivateFile } from "./private-file.ts";
import { isAlive, type ProcessIdentity, signalTo } from "./process-identity.ts";

const listSchema = z.array(
  z.object({ name: z.string(), pid: z.int().positive(), startTicks: z.string() }),
);

/** A process of this run, as noted for a successor. */
export interface NotedProcess extends ProcessIdentity {
  readonly name: string;
}

const patienceMs = 5000;
const pollMs = 25;

/** Notes the running processes, so that a successor knows whom it has to see off. */
export function noteProcesses(directory: DataDirectory, processes: readonly NotedProcess[]): void {
  const content = `${JSON.stringify(processes)}\n`;
  writePrivateFile(directory.processesFile, content, { isLasting: false });
}

/**
 * Waits until the processes of a supervisor that was killed are gone, and ends those that linger:
 * two replicas must never write one journal. They notice the loss themselves and drain; this is
 * for what hangs. Call it with the ownership in hand.
 */
export async function seeOffPredecessor(
  directory: DataDirectory,
  { world, log }: { readonly world: World; readonly log: Log },
): Promise<void> {
  let left = readNoted(directory).filter(isAlive);
  for (const { name, pid } of left) log.warn("predecessor_process", { process: name, pid });
  for (const process of left) signalTo(process, "SIGTERM");
  const endMs = world.clock.monotonicMs() + patienceMs;
  while (left.length > 0 && world.clock.monotonicMs() < endMs) {
    await sleep(world, pollMs);
    left = left.filter(isAlive);
  }
  for (const process of left) signalTo(process, "SIGKILL");
  while (left.length > 0) {
    await sleep(world, pollMs);
    left = left.filter(isAlive);
  }
  const owner = readOwner(directory);
  if (owner !== undefined && !isAlive(owner.process) && isRunDirectory(owner.runDirectory)) {
    rmSync(owner.runDirectory, { recursive: true, force: true });
  }
}

function readNoted(directory: DataDirectory): readonly NotedProcess[] {
  try {
    return listSchema.parse(readJsonFile(directory.processesFile) ?? []);
  } catch {
    return [];
  }
}

/** Only what this program makes is removed, whatever the file says. */
export function isRunDirectory(path: unknown): path is string {
  return typeof path === "string" && /^(\/[A-Za-z0-9._-]+)+\/tandem-[A-Za-z0-9]{6}$/.test(path);
}
