import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "@tandem/libs/kernel";
import { folderFault } from "../faults.ts";

/** Linux refuses Unix socket paths of 108 bytes and more; this leaves room for every name. */
const socketPathMax = 100;
const longestName = "ai-gateway-services-99.sock".length;

/** The sockets and site files of one run. */
export interface RunDirectory {
  readonly path: string;
  remove(): void;
}

/**
 * Makes a fresh, private and short-named folder for one run. Fresh, because a process of an
 * earlier run that is still closing would otherwise unlink the sockets of the new one.
 */
export function makeRunDirectory(): RunDirectory {
  const parent = tmpdir().length + longestName + 16 < socketPathMax ? tmpdir() : "/tmp";
  try {
    const path = mkdtempSync(join(parent, "tandem-"));
    chmodSync(path, 0o700);
    assert(path.length + longestName < socketPathMax, `${path} is too long for sockets`);
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
  } catch (error) {
    throw folderFault(parent, error);
  }
}
