import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  realpathSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import { Fault } from "@tandem/libs/kernel";
import { folderFault, supervisorFaults } from "../faults.ts";

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

const mebibyte = 1024 * 1024;
/** An empty cluster, its first log and what the services lay down. */
const firstRoomBytes = 256 * mebibyte;
const laterRoomBytes = 32 * mebibyte;

/** Throws `supervisor.disk_full` before anything is half written. */
function checkRoom(path: string): void {
  const isFirst = !existsSync(join(path, "postgres"));
  const neededBytes = isFirst ? firstRoomBytes : laterRoomBytes;
  const { bavail, bsize } = statfsSync(path);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw supervisorFaults.disk_full({
    publicMessage:
      `The disk of ${path} has ${Math.floor(freeBytes / mebibyte)} MiB left, and ` +
      `${neededBytes / mebibyte} MiB are needed. ` +
      "Free some, or put the data elsewhere: npm start -- --data DIR",
  });
}

/** Opens the data directory, making what is missing; faults say what to do about it. */
export function openDataDirectory(given: string): DataDirectory {
  const wanted = resolve(given);
  try {
    mkdirSync(wanted, { recursive: true });
    accessSync(wanted, constants.R_OK | constants.W_OK | constants.X_OK);
    const path = realpathSync(wanted);
    checkRoom(path);
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
    throw Fault.is(error) ? error : folderFault(wanted, error);
  }
}

/** Relative where that is shorter: what people type. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere !== "" && !fromHere.startsWith("..") ? fromHere : path;
}
