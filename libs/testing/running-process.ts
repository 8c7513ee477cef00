import { readdirSync, readFileSync } from "node:fs";

/** One process of this machine, as proc(5) tells it. */
export interface RunningProcess {
  readonly pid: number;
  /** The command line, its words joined by blanks. */
  readonly command: string;
}

/** Every process that this user may look at. */
export function runningProcesses(): RunningProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = commandOf(name);
      return command === "" ? [] : [{ pid: Number(name), command }];
    });
}

/** Empty for a kernel thread, for a zombie and for a process that has just ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
