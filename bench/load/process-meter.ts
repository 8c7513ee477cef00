/** What the kernel says that processes have used (proc(5)). Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** Without the scheduler's own figures: hundredths of a second, on every Linux this runs on. */
const tickUs = 10_000;
const pageKib = 4;

/**
 * User and system time of these processes, all their threads, since they began. Gone ones count
 * zero. In nanoseconds from the scheduler where it keeps them, else in ticks.
 */
export function cpuTimeUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (scheduledUs(pid) ?? tickedUs(pid)), 0);
}

/** Resident memory that is not shared with files or other processes. */
export function privateMemoryKib(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, resident = "0", shared = "0"] = readProc(`/proc/${pid}/statm`).split(" ");
    return sum + (Number(resident) - Number(shared)) * pageKib;
  }, 0);
}

/** Resident memory; what several share counts for each by its part. Gone ones count zero. */
export function proportionalMemoryKib(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kib = "0"] = /^Pss:\s+(\d+)/m.exec(readProc(`/proc/${pid}/smaps_rollup`)) ?? [];
    return sum + Number(kib);
  }, 0);
}

function scheduledUs(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
      const [runNs = "0"] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(
        " ",
      );
      return sum + Number(runNs) / 1_000;
    }, 0);
  } catch {
    return undefined;
  }
}

function tickedUs(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  // The command's name may hold blanks; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks = "0", systemTicks = "0"] = fields.slice(11, 13);
  return (Number(userTicks) + Number(systemTicks)) * tickUs;
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
