import { rmSync } from "node:fs";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { type NotedProcess, type Notes, readNotes } from "./notes.ts";
import { isAlive, signalTo } from "./process-identity.ts";
import { isOwnFolder } from "./run-directory.ts";

const patienceMs = 5000;
const pollMs = 25;

interface Parts {
  readonly world: World;
  readonly log: Log;
}

/** What a supervisor that was killed has left; undefined when nothing of it lives any more. */
export function findPredecessor(notesFile: string): Notes | undefined {
  const notes = readNotes(notesFile);
  return notes?.processes.some(isAlive) === true ? notes : undefined;
}

/**
 * Ends processes of a supervisor that was killed, by force where they linger: two replicas must
 * never write one journal. Call it with the ownership in hand.
 */
export async function seeOff(
  processes: readonly NotedProcess[],
  { world, log }: Parts,
): Promise<void> {
  let left = processes.filter(isAlive);
  for (const { spec, pid } of left) log.warn("predecessor_ended", { process: spec.name, pid });
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
}

/** Sockets of processes that are gone. */
export function removeRunDirectory(path: string): void {
  if (isOwnFolder(path)) rmSync(path, { recursive: true, force: true });
}
