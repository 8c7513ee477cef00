import { appendFileSync, renameSync, statSync } from "node:fs";

const rotateBytes = 4 * 1024 * 1024;

/** Appends lines to a file, kept with its one predecessor within a bound. Never fails. */
export function keepLines(path: string): (line: string) => void {
  let writtenBytes = sizeOf(path);
  return (line) => {
    try {
      if (writtenBytes > rotateBytes) {
        renameSync(path, `${path}.1`);
        writtenBytes = 0;
      }
      appendFileSync(path, line, { mode: 0o600 });
      writtenBytes += line.length;
    } catch {
      // A full disk must not stop a supervisor from supervising.
    }
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
