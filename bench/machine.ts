import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** What a reader needs to know about the machine, and nothing by which it could be found. */
export function machineFacts(): string {
  const [first] = cpus();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  const kernel = release().split("-")[0];
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  return (
    `${cpus().length} cores of ${first?.model.trim() ?? "an unknown kind"}, ${memoryGib} GiB, ` +
    `Linux ${kernel}, Node ${process.versions.node}, load ${load} before the run`
  );
}

/** The commit measured, with a mark when the tree holds more than it. */
export function commitName(): string {
  const git = (...words: string[]): string =>
    execFileSync("git", words, { encoding: "utf8", cwd: import.meta.dirname }).trim();
  try {
    const dirty = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " + changes";
    return git("rev-parse", "--short=12", "HEAD") + dirty;
  } catch {
    return "unknown";
  }
}
