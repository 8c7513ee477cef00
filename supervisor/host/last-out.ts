import { rmSync } from "node:fs";
import { sleep, type World } from "@tandem/libs/world";
import { readNotes } from "../folder/notes.ts";
import { readOwner } from "../folder/owner.ts";
import { isAlive, type ProcessIdentity, signalTo } from "../folder/process-identity.ts";
import { isOwnFolder } from "../folder/run-directory.ts";

const ownPid = process.pid;
const pollMs = 50;
const levelPatienceMs = 35_000;
/** All others were told to end when we were; each has its deadline and is then gone. */
const patienceMs = 120_000;

/** Resolves when the processes of higher levels, whose calls come here, have left. */
export async function waitForCallers(
  notesFile: string,
  { world }: { readonly world: World },
): Promise<void> {
  const processes = readNotes(notesFile)?.processes ?? [];
  const level = processes.find(({ pid }) => pid === ownPid)?.spec.level ?? 0;
  const callers = processes.filter(({ spec }) => spec.level > level);
  await untilGone(callers, { world, patienceMs: levelPatienceMs * 2 });
}

/**
 * For a process that ends without a supervisor: the one with the smallest number waits for all
 * others and then ends the stores, so that nothing of a killed supervisor stays behind for good.
 * Everybody else returns at once, and so does it where a successor has come for the others. No two
 * of them can take each other for it.
 */
export async function leaveAsLast(
  files: { readonly notesFile: string; readonly ownerFile: string },
  { world }: { readonly world: World },
): Promise<void> {
  const others = (): readonly ProcessIdentity[] =>
    (readNotes(files.notesFile)?.processes ?? []).filter(
      (process) => process.pid !== ownPid && isAlive(process),
    );
  if (others().some(({ pid }) => pid < ownPid)) return;
  await untilGone(others(), { world, patienceMs });
  const owner = readOwner(files);
  const notes = readNotes(files.notesFile);
  const isWatched = owner !== undefined && isAlive(owner.process);
  if (notes === undefined || isWatched || others().length > 0) return;
  for (const store of notes.stores) signalTo(store, "SIGINT");
  await untilGone(notes.stores, { world, patienceMs: 10_000 });
  for (const folder of notes.folders.filter(isOwnFolder)) {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilGone(
  processes: readonly ProcessIdentity[],
  given: { readonly world: World; readonly patienceMs: number },
): Promise<void> {
  const endMs = given.world.clock.monotonicMs() + given.patienceMs;
  while (processes.some(isAlive) && given.world.clock.monotonicMs() < endMs) {
    await sleep(given.world, pollMs);
  }
}
