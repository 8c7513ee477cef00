import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { folderFault } from "../faults.ts";

/** Linux refuses Unix socket paths of 108 bytes and more; this leaves room for every name. */
const socketPathMax = 100;
const longestName = "/tandem-10000-xxxx-xxxxxx/postgres/.s.PGSQL.5432".length;

/** Folders for sockets: short-named, and outside the data directory, whose path may be long. */
export interface RunDirectory {
  readonly path: string;
  /** Sockets and site files of this run's processes; for this account only. */
  readonly sockets: string;
  /**
   * Sockets of the stores: the same for every run on a data directory, so that a store that has
   * outlived its supervisor is found and taken over. Others may pass through to what is theirs
   * (PostgreSQL under another account), not look.
   */
  readonly stores: string;
  remove(): void;
}

/**
 * Makes a fresh folder for one run, since a process of an earlier run that is still closing would
 * otherwise unlink the sockets of the new one, and the lasting one of the data directory's stores.
 * With `inherited` it is that of a killed supervisor, whose processes are taken over.
 */
export function makeRunDirectory(dataDirectory: string, inherited?: string): RunDirectory {
  const parent = tmpdir().length + longestName < socketPathMax ? tmpdir() : "/tmp";
  try {
    const path = inherited ?? mkdtempSync(join(parent, "tandem-"));
    const sockets = join(path, "sockets");
    mkdirSync(sockets, { mode: 0o700, recursive: true });
    const stores = lastingFolder(parent, dataDirectory) ?? path;
    chmodSync(stores, 0o711);
    return {
      path,
      sockets,
      stores,
      remove: () => {
        rmSync(path, { recursive: true, force: true });
        rmSync(stores, { recursive: true, force: true });
      },
    };
  } catch (error) {
    throw folderFault(parent, error);
  }
}

/** Undefined when somebody else has made a folder of this name: it is not to be trusted. */
function lastingFolder(parent: string, dataDirectory: string): string | undefined {
  const { uid } = userInfo();
  const { dev, ino } = statSync(dataDirectory);
  const path = join(parent, `tandem-${uid}-${dev.toString(36)}-${ino.toString(36)}`);
  mkdirSync(path, { recursive: true, mode: 0o711 });
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === uid ? path : undefined;
}

/** Only what this program makes is removed, whatever a file says. */
export function isOwnFolder(path: unknown): path is string {
  return (
    typeof path === "string" &&
    /^(\/[A-Za-z0-9._-]+)+\/tandem-([A-Za-z0-9]{6}|[0-9]+-[a-z0-9]+-[a-z0-9]+)$/.test(path) &&
    !path.includes("/../")
  );
}
