import {
  access,
  constants,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { join } from "node:path";
import type { World } from "@tandem/libs/world";
import { npmCommand } from "../download/npm-command.ts";
import { lastWords, runCommand } from "../download/run-command.ts";
import { faults } from "../faults.ts";

/** Platforms with a manifest and lock file below `runtime/`. */
const platforms = new Set(["linux-x64", "linux-arm64"]);
const manifestFiles = ["package.json", "package-lock.json", ".npmrc"] as const;
const stagingPrefix = ".installing-";

export interface RuntimePlaces {
  readonly world: World;
  /** `runtime/` of the engine's folder. */
  readonly runtimeDirectory: string;
  /** Where to install when that folder cannot be written to. */
  readonly dataDirectory: string;
  readonly signal: AbortSignal;
  readonly onInstalling: () => void;
}

/**
 * The folder whose `node_modules` holds the model runtime; installed by npm first when it is
 * missing. It is installed beside its place and moved there whole, so two engines that do it at
 * once, or a kill in the middle, leave a complete one or none. Throws `engine.runtime_failed`.
 */
export async function installedRuntime(places: RuntimePlaces): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  if (!platforms.has(platform)) {
    throw faults.runtime_failed({
      publicMessage:
        `The embedded engine has no runtime for ${platform}. ` +
        "Add a model server (Ollama, llama.cpp, vLLM) or a provider as an upstream instead.",
    });
  }
  const manifest = join(places.runtimeDirectory, platform);
  const elsewhere = join(places.dataDirectory, "runtime", platform);
  for (const directory of [manifest, elsewhere]) {
    if (await isThere(join(directory, "node_modules", "node-llama-cpp"))) return directory;
  }
  const isWritable = await access(manifest, constants.W_OK).then(
    () => true,
    () => false,
  );
  const target = isWritable ? manifest : elsewhere;
  places.onInstalling();
  await install(manifest, target, places);
  return target;
}

async function install(manifest: string, target: string, places: RuntimePlaces): Promise<void> {
  const { world, signal } = places;
  await mkdir(target, { recursive: true });
  await removeAbandoned(target);
  const staging = await mkdtemp(join(target, `${stagingPrefix}${process.pid}-`));
  try {
    for (const file of manifestFiles) await copyFile(join(manifest, file), join(staging, file));
    const npm = npmCommand(world);
    const result = await runCommand({
      command: npm.command,
      args: [...npm.args, "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"],
      directory: staging,
      environment: world.environment,
      signal,
    });
    if (result.code === undefined) {
      throw faults.runtime_failed({ publicMessage: "npm is not installed on this machine." });
    }
    if (result.code !== 0) {
      throw faults.runtime_failed({
        publicMessage: `npm could not install the model runtime: ${lastWords(result)}`,
        detail: result.stderr,
      });
    }
    if (target !== manifest) {
      await cp(join(manifest, "package.json"), join(target, "package.json"));
    }
    await rename(join(staging, "node_modules"), join(target, "node_modules")).catch(
      async (error: unknown) => {
        // Another engine was faster; its runtime is the same one.
        if (!(await isThere(join(target, "node_modules", "node-llama-cpp")))) throw error;
      },
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What installations left that were killed: their process is gone. */
async function removeAbandoned(target: string): Promise<void> {
  for (const entry of await readdir(target)) {
    if (!entry.startsWith(stagingPrefix)) continue;
    const pid = Number(entry.slice(stagingPrefix.length).split("-")[0]);
    if (isAlive(pid)) continue;
    await rm(join(target, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
