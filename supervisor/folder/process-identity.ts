import { readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at which it started (proc(5), stat, field 22); "" when unknown. */
  readonly startTicks: string;
}

/** Who has this number now; undefined when nobody does, or only a dead one not yet collected. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The command's name, in parentheses, may hold anything; what follows starts with the state.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTicks: fields[19] ?? "" };
}

/** True while the very same process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal to the very same process; false when it is gone. */
export function signalTo(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Milliseconds a process has spent ready to run but without a CPU, since it started (proc(5),
 * schedstat); 0 where the kernel does not tell.
 */
export function starvedMsOf(pid: number): number {
  try {
    const [, waitedNs = "0"] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return Number(waitedNs) / 1_000_000;
  } catch {
    return 0;
  }
}
