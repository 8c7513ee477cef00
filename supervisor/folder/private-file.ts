import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file that only its owner may read, whole or not at all: readers see the old one or the
 * new one, also after a power cut. What a restart of the machine makes worthless need not wait for
 * the disk: `isLasting: false`.
 */
export function writePrivateFile(
  path: string,
  content: string,
  { isLasting = true }: { readonly isLasting?: boolean } = {},
): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.new`;
  const descriptor = openSync(fresh, "w", 0o600);
  try {
    writeFileSync(descriptor, content);
    if (isLasting) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, path);
}

/** The file's JSON, or undefined when there is no such file. Throws when it is not JSON. */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
