import { execFile } from "node:child_process";
import { lchown, lstat, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Binaries } from "./binaries.ts";
import { postgresFaults } from "./faults.ts";
import type { Identity } from "./identity.ts";

const run = promisify(execFile);
/** The superuser of the embedded server. */
export const superuser = "tandem";

/** Where one embedded server keeps what lasts; all below one directory of its own. */
export interface ClusterPaths {
  /** PostgreSQL's data directory. */
  readonly cluster: string;
  /** Where initdb works; it becomes `cluster` by rename, so a kill leaves no half-made one. */
  readonly clusterBeingMade: string;
  readonly links: string;
  readonly passwordFile: string;
}

export function clusterPaths(dataDirectory: string): ClusterPaths {
  return {
    cluster: join(dataDirectory, "cluster"),
    clusterBeingMade: join(dataDirectory, "cluster.new"),
    links: join(dataDirectory, "lib"),
    passwordFile: join(dataDirectory, "superuser-password"),
  };
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The superuser's password: read, or made once, in a file that only we may read. */
export async function superuserPassword(paths: ClusterPaths, world: World): Promise<string> {
  const present = await readFile(paths.passwordFile, "utf8").catch(() => "");
  if (present !== "") return present.trim();
  const password = Buffer.from(world.randomness.bytes(24)).toString("base64url");
  await writeSecretFile(paths.passwordFile, `${password}\n`);
  return password;
}

/** Writes a file of mode 0600, whole or not at all, and durable when this resolves. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Gives a directory and all in it to an owner; does nothing when it is the owner's already. */
export async function giveTree(path: string, owner: Identity["owner"]): Promise<void> {
  const { uid, gid } = await lstat(path);
  if (uid === owner.uid && gid === owner.gid) return;
  for (const entry of await readdir(path, { recursive: true })) {
    await lchown(join(path, entry), owner.uid, owner.gid);
  }
  // The top last: a kill in between leaves it to be done again.
  await lchown(path, owner.uid, owner.gid);
}

/** Makes the data directory. Checksums are on, the locale is the server's own C.UTF-8. */
export async function initialise(options: {
  readonly paths: ClusterPaths;
  readonly binaries: Binaries;
  readonly identity: Identity;
  readonly password: string;
  readonly log: Log;
  readonly world: World;
}): Promise<void> {
  const { paths, binaries, identity, log, world } = options;
  const startedMs = world.clock.monotonicMs();
  await rm(paths.clusterBeingMade, { recursive: true, force: true });
  await mkdir(paths.clusterBeingMade, { mode: 0o700 });
  // initdb reads the password as the user it runs as: a file of its own, gone afterwards.
  const passwordFile = `${paths.passwordFile}.initdb`;
  await writeSecretFile(passwordFile, options.password);
  await giveTree(paths.clusterBeingMade, identity.owner);
  await lchown(passwordFile, identity.owner.uid, identity.owner.gid);
  const { file, args, ids } = identity.command(binaries.initdb, [
    `--pgdata=${paths.clusterBeingMade}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--no-instructions",
  ]);
  try {
    await run(file, [...args], {
      cwd: "/",
      env: postgresEnvironment(binaries),
      timeout: 60_000,
      ...ids,
    });
  } catch (cause) {
    const stderr = String((cause as { stderr?: string }).stderr ?? cause);
    throw postgresFaults.start_failed({ detail: `initdb: ${stderr.slice(-2000)}`, cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(paths.clusterBeingMade, paths.cluster);
  const durationMs = Math.round(world.clock.monotonicMs() - startedMs);
  log.info("postgres_initialised", { as: identity.name, durationMs });
}

/** Nothing of our own environment: it may hold secrets, and PG… variables of another server. */
export function postgresEnvironment(binaries: Binaries): Record<string, string> {
  return { LD_LIBRARY_PATH: binaries.libraryPath, LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" };
}
