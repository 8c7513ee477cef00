import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderFault } from "../faults.ts";

/** Linux refuses Unix socket paths of 108 bytes and more; this leaves room for every name. */
const socketPathMax = 100;
const longestName = "/tandem-XXXXXX/sockets/monitoring-99.sock".length;

/** The sockets and site files of one run. */
export interface RunDirectory {
  /** Others may pass through to what is theirs (PostgreSQL under another account), not look. */
  readonly path: string;
  /** For this account only. */
  readonly sockets: string;
  remove(): void;
}

/**
 * Makes a fresh and short-named folder for one run. Fresh, because a process of an earlier run
 * that is still closing would otherwise unlink the sockets of the new one.
 */
export function makeRunDirectory(): RunDirectory {
  const parent = tmpdir().length + longestName < socketPathMax ? tmpdir() : "/tmp";
  try {
    const path = mkdtempSync(join(parent, "tandem-"));
    chmodSync(path, 0o711);
    const sockets = join(path, "sockets");
    mkdirSync(sockets, { mode: 0o700 });
    return { path, sockets, remove: () => rmSync(path, { recursive: true, force: true }) };
  } catch (error) {
    throw folderFault(parent, error);
  }
}
