import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One process of this machine, as proc(5) tells it. */
export interface RunningProcess {
  readonly pid: number;
  /** The command line, its words joined by blanks. */
  readonly command: string;
  /** Where it works; "" when that is somebody else's business. */
  readonly directory: string;
}

/** Every process that this user may look at. */
export function runningProcesses(): RunningProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = commandOf(name);
      return command === "" ? [] : [{ pid: Number(name), command, directory: directoryOf(name) }];
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

function directoryOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
