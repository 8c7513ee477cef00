import { accessSync, constants, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { folderFault } from "../faults.ts";

/** Where things are in the folder of everything that lasts. All paths are absolute. */
export interface DataDirectory {
  readonly path: string;
  /** Who runs here, and where to ask it: `supervisor.json`. */
  readonly ownerFile: string;
  /** The processes of the last run: `processes.json`. */
  readonly processesFile: string;
  readonly secretsFile: string;
  readonly devEnvFile: string;
  readonly logs: string;
  readonly compileCache: string;
  /** A replica's own durable folder, made when it is asked for. */
  replicaFolder(id: string): string;
}

/** Opens the data directory, making what is missing; faults say what to do about it. */
export function openDataDirectory(given: string): DataDirectory {
  const wanted = resolve(given);
  try {
    mkdirSync(wanted, { recursive: true });
    accessSync(wanted, constants.R_OK | constants.W_OK | constants.X_OK);
    const path = realpathSync(wanted);
    const ignore = join(path, ".gitignore");
    if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
    for (const folder of ["logs", "replicas", "keys"]) {
      mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
    }
    return {
      path,
      ownerFile: join(path, "supervisor.json"),
      processesFile: join(path, "processes.json"),
      secretsFile: join(path, "keys", "secrets.json"),
      devEnvFile: join(path, "dev.env"),
      logs: join(path, "logs"),
      compileCache: join(path, "cache", "compile"),
      replicaFolder: (id) => {
        const folder = join(path, "replicas", id);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        return folder;
      },
    };
  } catch (error) {
    throw folderFault(wanted, error);
  }
}
