import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { World } from "@tandem/libs/world";
import type { Binaries } from "./binaries.ts";
import { postgresFaults } from "./faults.ts";

const run = promisify(execFile);
/** `nobody` and its group, on every Linux. */
const nobodyId = 65534;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
}

/** As whom PostgreSQL runs. */
export interface Identity {
  readonly name: "self" | "nobody" | "namespace";
  /** Who must own its files. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** How to start a program as that; unless it is to outlive us it is told to stop when we die (`setpriv`). */
  command(file: string, args: readonly string[]): Command;
}

/** Where a program of this name is, by PATH. */
export function findOnPath(world: World, name: string): string | undefined {
  const directories = world.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  for (const directory of directories.split(":")) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: look on.
    }
  }
  return undefined;
}

/**
 * PostgreSQL refuses to run as root. An ordinary user starts it as itself; root as `nobody`, which
 * works where nobody may reach the binaries and the data; else inside a user namespace, where root
 * has nobody's number and its files stay its own, so that it works below a home directory that is
 * closed to others. Each way is tried by really executing the server, in this order.
 */
export async function chooseIdentity(options: {
  readonly world: World;
  readonly binaries: Binaries;
  /** Must be entered and written to. */
  readonly directories: readonly string[];
  /** It stays when we die. */
  readonly isOutliving: boolean;
  /** Gives the directories to an owner before it is tried. */
  readonly giveTo: (owner: Identity["owner"]) => Promise<void>;
}): Promise<Identity> {
  const candidates = identities(options);
  const reasons: string[] = [];
  for (const identity of candidates) {
    try {
      await options.giveTo(identity.owner);
      await probe(identity, options.binaries, options.directories);
      return identity;
    } catch (error) {
      reasons.push(`${identity.name}: ${error instanceof Error ? error.message.trim() : error}`);
    }
  }
  throw postgresFaults.no_identity({ detail: reasons.join("; ") });
}

function identities({
  world,
  isOutliving,
}: {
  readonly world: World;
  readonly isOutliving: boolean;
}): readonly Identity[] {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const setpriv = findOnPath(world, "setpriv");
  const unshare = findOnPath(world, "unshare");
  const deathSignal = isOutliving ? [] : ["--pdeathsig", "INT"];
  const dieWithUs = setpriv === undefined || isOutliving ? [] : [setpriv, ...deathSignal];
  const self: Identity = {
    name: "self",
    owner: { uid, gid },
    command: (file, args) => compose([...dieWithUs, ...rest(dieWithUs), file, ...args]),
  };
  if (uid !== 0) return [self];
  const ids = { uid: nobodyId, gid: nobodyId };
  const drop = [`--reuid=${nobodyId}`, `--regid=${nobodyId}`, "--clear-groups"];
  const nobody: Identity = {
    name: "nobody",
    owner: ids,
    command: (file, args) =>
      setpriv === undefined
        ? compose([file, ...args], ids)
        : compose([setpriv, ...deathSignal, ...drop, "--", file, ...args]),
  };
  if (unshare === undefined) return [nobody];
  const map = [unshare, `--map-user=${nobodyId}`, `--map-group=${nobodyId}`, "--"];
  const namespace: Identity = {
    name: "namespace",
    owner: { uid, gid },
    // The death signal is forgotten on entering a namespace: enter first, then ask for it.
    command: (file, args) => compose([...map, ...dieWithUs, ...rest(dieWithUs), file, ...args]),
  };
  return [nobody, namespace];
}

function rest(prefix: readonly string[]): readonly string[] {
  return prefix.length === 0 ? [] : ["--"];
}

function compose(words: readonly string[], ids?: Command["ids"]): Command {
  const [file = "", ...args] = words;
  return { file, args, ids };
}

const probeScript = `
export LD_LIBRARY_PATH="$1"
"$2" --version >/dev/null || exit 1
shift 2
for directory; do
  cd "$directory" && test -w . || { echo "cannot write to $directory" >&2; exit 1; }
done`;

async function probe(
  identity: Identity,
  binaries: Binaries,
  directories: readonly string[],
): Promise<void> {
  const { file, args, ids } = identity.command("/bin/sh", [
    "-c",
    probeScript,
    "sh",
    binaries.libraryPath,
    binaries.postgres,
    ...directories,
  ]);
  await run(file, [...args], { timeout: 10_000, cwd: "/", ...ids });
}
