import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Log } from "../../telemetry/index.ts";

/** What the system's journal of boots says; data from before the last boot is of no use. */
const bootIdFile = "/proc/sys/kernel/random/boot_id";
const readersMax = 512;
const pageBytes = 4096;
/** lmdb's own mark in its meta pages (mdb.c, MDB_MAGIC), 24 bytes into each. */
const mark = 0xbeef_c0de;
const markOffset = 24;
const creationMs = 100;

/** One hot store's files, opened once in a process: lmdb must not have a path open twice. */
export interface LmdbFile {
  readonly root: RootDatabase<Buffer, string>;
  /** Key → header and value. */
  readonly entries: Database<Buffer, string>;
  /** Class, time of expiry, key → nothing: what is due, soonest first. */
  readonly due: Database<Buffer, Buffer>;
  /** Sequence number → message. */
  readonly messages: Database<Buffer, number>;
  /** Its change wakes the subscribers of all processes. */
  readonly bellPath: string;
  ring(): void;
}

interface Shared {
  readonly file: LmdbFile;
  readonly close: () => Promise<void>;
  users: number;
}

const opened = new Map<string, Shared>();

/**
 * Opens the store of a directory, made when absent. Each boot of the machine has a file of its own:
 * so nothing is ever synced to disk (a hot store may be lost), and a loss of power cannot leave a
 * damaged file behind for us to open.
 */
export function openLmdbFile(
  directory: string,
  options: { readonly bytesMax: number; readonly log: Log },
): { readonly file: LmdbFile; readonly close: () => Promise<void> } {
  const path = resolve(directory);
  const shared = opened.get(path) ?? openShared(path, options);
  opened.set(path, shared);
  shared.users += 1;
  return {
    file: shared.file,
    close: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      opened.delete(path);
      await shared.close();
    },
  };
}

function openShared(
  directory: string,
  { bytesMax, log }: { readonly bytesMax: number; readonly log: Log },
): Shared {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = soundPath(directory, log);
  const root = open<Buffer, string>({
    path,
    noSubdir: true,
    noSync: true,
    overlappingSync: false,
    pageSize: pageBytes,
    maxDbs: 4,
    maxReaders: readersMax,
    // Address space, not memory: our own bound comes first.
    mapSize: bytesMax * 4,
    encoding: "binary",
    cache: false,
  });
  const bellPath = join(directory, "bell");
  const bell = openSync(bellPath, "a", 0o600);
  const binary = { encoding: "binary", cache: false } as const;
  const file: LmdbFile = {
    root,
    entries: root.openDB<Buffer, string>("entries", binary),
    due: root.openDB<Buffer, Buffer>("due", { ...binary, keyEncoding: "binary" }),
    messages: root.openDB<Buffer, number>("messages", binary),
    bellPath,
    ring: () => void writeSync(bell, "."),
  };
  // Slots of killed readers keep old pages from being used again.
  root.readerCheck();
  return {
    file,
    users: 0,
    close: async () => {
      await root.close();
      closeSync(bell);
    },
  };
}

/**
 * The file to use. lmdb maps what it finds and ends the process when that is no file of its own: a
 * creator killed halfway, or somebody's overwriting, would then keep the whole platform from
 * starting. So the marks of both meta pages are looked at first, and a file without them is left
 * behind for the next number, which every process comes to in the same way.
 */
function soundPath(directory: string, log: Log): string {
  const boot = bootId();
  removeOtherBoots(directory, `hot-${boot}-`);
  for (let generation = 1; ; generation += 1) {
    const path = join(directory, `hot-${boot}-${generation}.mdb`);
    if (isSound(path)) return path;
    // Somebody may be about to make it: that takes microseconds.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, creationMs);
    if (isSound(path)) return path;
    log.error("hot_store_file_damaged", { path });
  }
}

function isSound(path: string): boolean {
  const head = Buffer.alloc(2 * pageBytes);
  let size: number;
  try {
    const file = openSync(path, "r");
    size = readSync(file, head, 0, head.length, 0);
    closeSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return true;
    throw error;
  }
  const isMeta = (page: number) => head.readUInt32LE(page * pageBytes + markOffset) === mark;
  return size === 0 || (size === head.length && isMeta(0) && isMeta(1));
}

function bootId(): string {
  try {
    return readFileSync(bootIdFile, "utf8").trim().slice(0, 8);
  } catch {
    return "any";
  }
}

function removeOtherBoots(directory: string, prefix: string): void {
  for (const entry of readdirSync(directory)) {
    if (!/^hot-.*\.mdb(-lock)?$/.test(entry) || entry.startsWith(prefix)) continue;
    rmSync(join(directory, entry), { force: true });
  }
}
