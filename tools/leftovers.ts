/**
 * The processes that a test file started, found by a variable in their environment: children of
 * children too, whoever adopted them. One that outlives its test and still holds the output of it
 * would keep a run waiting for ever. Linux only; elsewhere nothing is found.
 */
import { readdirSync, readFileSync } from "node:fs";

export const markName = "TANDEM_TEST_FILE";

export interface MarkedProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly command: string;
}

export function findMarked(mark: string): readonly MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of listProcesses()) {
    const environment = readProc(name, "environ");
    if (!environment.split("\0").includes(`${markName}=${mark}`)) continue;
    found.push({
      pid: Number(name),
      parentPid: Number(/^PPid:\s*(\d+)$/m.exec(readProc(name, "status"))?.[1] ?? 0),
      command: readProc(name, "cmdline").replaceAll("\0", " ").trim(),
    });
  }
  return found;
}

/** Ends them at once, and says which they were. */
export function endMarked(mark: string): readonly MarkedProcess[] {
  const found = findMarked(mark);
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It went by itself.
    }
  }
  return found;
}

function listProcesses(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Empty for a process that has gone, or that is another user's. */
function readProc(name: string, file: string): string {
  try {
    return readFileSync(`/proc/${name}/${file}`, "utf8");
  } catch {
    return "";
  }
}
