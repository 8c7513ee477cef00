import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** What a running server writes of itself into `postmaster.pid` (its source: pidfile.h). */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly socketDirectory: string;
  readonly status: "starting" | "stopping" | "ready" | "standby" | "unknown";
}

/** The server's own note, whether or not that server still lives. */
export function readPostmasterFile(cluster: string): Postmaster | undefined {
  let text: string;
  try {
    text = readFileSync(join(cluster, "postmaster.pid"), "utf8");
  } catch {
    return undefined;
  }
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const status = lines[7];
  return {
    pid,
    port: Number(lines[3]),
    socketDirectory: lines[4] ?? "",
    status:
      status === "starting" || status === "stopping" || status === "ready" || status === "standby"
        ? status
        : "unknown",
  };
}

/**
 * The processes that work in this data directory: a postmaster and its children all have it as
 * their working directory, whoever reuses an old number of theirs does not. Undefined where there
 * is no /proc.
 */
export function processesOf(cluster: string): readonly number[] | undefined {
  let directory: string;
  let entries: readonly string[];
  try {
    directory = realpathSync(cluster);
    entries = readdirSync("/proc");
  } catch {
    return undefined;
  }
  const pids: number[] = [];
  for (const entry of entries) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/cwd`) === directory) pids.push(Number(entry));
    } catch {
      // Gone, or somebody else's.
    }
  }
  return pids;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
