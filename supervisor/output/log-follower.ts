import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import type { Timer, World } from "@tandem/libs/world";

const periodMs = 250;
const chunkBytes = 256 * 1024;

interface Followed {
  readonly process: string;
  readonly path: string;
  readonly descriptor: number;
  position: number;
  /** The beginning of a line whose end has not been written yet. */
  rest: string;
}

export interface LogFollower {
  /** Reads what is there and stops. */
  close(): void;
}

/**
 * Follows the files that processes write their lines to, hands on each whole line, and keeps every
 * file and its one predecessor (`x.log.1`) within `rotateBytes` each. Processes append to a file of
 * their own and know nothing of this, so that neither a slow reader nor a dead supervisor can make
 * them wait.
 */
export function followLogs(options: {
  readonly world: World;
  readonly folder: string;
  /** Asked again and again: processes come and go. */
  readonly processes: () => readonly string[];
  readonly rotateBytes: number;
  readonly onLine: (process: string, line: string) => void;
}): LogFollower {
  const { world, folder, rotateBytes, onLine } = options;
  const files = new Map<string, Followed>();
  const buffer = Buffer.alloc(chunkBytes);
  const look = (): void => {
    for (const process of options.processes()) {
      if (!files.has(process)) files.set(process, follow(folder, process));
    }
    for (const file of files.values()) {
      readLines(file, buffer, onLine);
      if (file.position > rotateBytes) rotate(file);
    }
  };
  look();
  const timer: Timer = world.timers.every(periodMs, look);
  return {
    close: () => {
      timer.cancel();
      look();
      for (const { descriptor } of files.values()) closeSync(descriptor);
    },
  };
}

/** From its end: what stands there is of an earlier life, and was told then. */
function follow(folder: string, process: string): Followed {
  const path = join(folder, `${process}.log`);
  const descriptor = openSync(path, "a+", 0o600);
  return { process, path, descriptor, position: fstatSync(descriptor).size, rest: "" };
}

/** One chunk at most: a process that writes without end must not take all of our time. */
function readLines(
  file: Followed,
  buffer: Buffer,
  onLine: (process: string, line: string) => void,
): void {
  const { size } = fstatSync(file.descriptor);
  if (size < file.position) file.position = 0;
  if (size === file.position) return;
  const length = readSync(file.descriptor, buffer, 0, buffer.length, file.position);
  file.position += length;
  const lines = (file.rest + buffer.toString("utf8", 0, length)).split("\n");
  file.rest = (lines.pop() ?? "").slice(-chunkBytes);
  for (const line of lines) if (line !== "") onLine(file.process, line);
}

/**
 * The writer keeps its descriptor, so the content is moved and not the file: copied, what came
 * meanwhile added, then cut to nothing. Writers append, so they go on at the new end.
 */
function rotate(file: Followed): void {
  const older = `${file.path}.1`;
  try {
    copyFileSync(file.path, older);
    const { size } = fstatSync(file.descriptor);
    if (size > file.position) {
      const tail = Buffer.alloc(size - file.position);
      appendFileSync(
        older,
        tail.subarray(0, readSync(file.descriptor, tail, 0, tail.length, file.position)),
      );
    }
  } catch {
    // No room for the copy: the bound on the file matters more than its past.
  }
  ftruncateSync(file.descriptor, 0);
  file.position = 0;
}
