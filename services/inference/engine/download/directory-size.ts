import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { World } from "@tandem/libs/world";

const periodMs = 500;

/** Bytes of all files below a directory; what vanishes meanwhile counts nothing. */
async function directoryBytes(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const found = await stat(join(directory, entry)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}

/** Tells, twice a second while `work` runs, how much has come into a directory. */
export async function watchDirectory<Result>(
  options: {
    readonly world: World;
    readonly directory: string;
    readonly onBytes: (bytes: number) => void;
  },
  work: () => Promise<Result>,
): Promise<Result> {
  let isLooking = false;
  const timer = options.world.timers.every(periodMs, () => {
    if (isLooking) return;
    isLooking = true;
    void directoryBytes(options.directory).then((bytes) => {
      isLooking = false;
      options.onBytes(bytes);
    });
  });
  try {
    return await work();
  } finally {
    timer.cancel();
  }
}
