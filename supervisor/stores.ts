import { accessSync, constants, mkdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Config } from "./config.ts";
import { supervisorFaults } from "./faults.ts";
import type { StoreStatus } from "./fleet/control-door.ts";
import type { DataDirectory } from "./folder/data-directory.ts";
import { provisionDatabases, startEmbeddedPostgres } from "./postgres/index.ts";
import { startPrivateRedis } from "./redis/index.ts";

/** The stores that a run stands on. */
export interface Stores {
  /** By deployable that has a database. */
  readonly databaseUrls: ReadonlyMap<string, string>;
  readonly hotStoreUrl: string;
  status(): readonly StoreStatus[];
  /** Stops what this run has started. Nothing writes to them any more. */
  close(): Promise<void>;
}

export interface StoresOptions {
  readonly config: Pick<Config, "databaseUrl" | "hotStoreUrl">;
  readonly directory: DataDirectory;
  /** Where the stores' sockets go; the same for every run on this data directory. */
  readonly socketFolder: string;
  /** Deployables that own a database. */
  readonly owners: readonly string[];
  readonly world: World;
  readonly log: Log;
}

type Part<Result> = Result & {
  readonly status: () => StoreStatus;
  readonly close: () => Promise<void>;
};

/** Opens both stores at once; yours where one is configured, else one of our own. */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const [database, hotStore] = await Promise.allSettled([
    openDatabase(options),
    openHotStore(options),
  ]);
  if (database.status === "fulfilled" && hotStore.status === "fulfilled") {
    return {
      databaseUrls: database.value.databaseUrls,
      hotStoreUrl: hotStore.value.hotStoreUrl,
      status: () => [database.value.status(), hotStore.value.status()],
      close: async () => {
        await Promise.all([database.value.close(), hotStore.value.close()]);
      },
    };
  }
  const failures: unknown[] = [];
  for (const part of [database, hotStore]) {
    if (part.status === "fulfilled") await part.value.close();
    else failures.push(part.reason);
  }
  throw failures[0];
}

async function openDatabase(
  options: StoresOptions,
): Promise<Part<{ readonly databaseUrls: ReadonlyMap<string, string> }>> {
  const { config, directory, owners, world, log } = options;
  const runDirectory = options.socketFolder;
  const given = config.databaseUrl?.reveal();
  if (owners.length === 0) {
    return {
      databaseUrls: new Map(),
      status: () => ({ name: "database", kind: "none needed", pid: undefined }),
      close: async () => {},
    };
  }
  const provisioning = {
    passwordsFile: join(directory.path, "keys", "database-passwords.json"),
    world,
    log,
  };
  if (given !== undefined) {
    const options = { ...provisioning, unknownRoles: "refuse" } as const;
    return {
      databaseUrls: await provisionDatabases(given, owners, options).catch((error: unknown) => {
        throw explained(error, given);
      }),
      status: () => ({ name: "database", kind: "PostgreSQL, yours", pid: undefined }),
      close: async () => {},
    };
  }
  const dataDirectory = join(directory.path, "postgres");
  const outliving = { logFile: join(directory.logs, "postgres.log") };
  const server = await startEmbeddedPostgres({
    ...{ dataDirectory, runDirectory, world, log, outliving },
  });
  try {
    return {
      databaseUrls: await provisionDatabases(server.adminUrl, owners, {
        ...provisioning,
        unknownRoles: "reset",
      }),
      status: () => ({ name: "database", kind: "PostgreSQL, embedded", pid: server.pid }),
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Which server it was: the reader may have several, or a wrong variable in the shell. */
function explained(error: unknown, databaseUrl: string): unknown {
  if (!Fault.is(error) || error.code !== "unavailable") return error;
  const host = URL.canParse(databaseUrl) ? new URL(databaseUrl).host : "";
  const why = error.detail ?? error.reason;
  return supervisorFaults.database_unreachable({
    publicMessage:
      `PostgreSQL${host === "" ? "" : ` at ${host}`} could not be reached (${why}).\n` +
      "  Nothing was changed. Check DATABASE_URL; without it a private PostgreSQL is run.",
    cause: error,
  });
}

async function openHotStore(
  options: StoresOptions,
): Promise<Part<{ readonly hotStoreUrl: string }>> {
  const given = options.config.hotStoreUrl?.reveal();
  if (given !== undefined) {
    return {
      hotStoreUrl: given,
      status: () => ({ name: "hot store", kind: "Redis, yours", pid: undefined }),
      close: async () => {},
    };
  }
  const { directory, socketFolder: runDirectory, world, log } = options;
  const dataDirectory = join(directory.path, "redis");
  try {
    const outliving = { logFile: join(directory.logs, "redis.log") };
    const server = await startPrivateRedis({
      ...{ dataDirectory, runDirectory, world, log, outliving },
    });
    if (server === undefined) return openEmbeddedHotStore(directory);
    return {
      hotStoreUrl: server.url,
      status: () => ({ name: "hot store", kind: "Redis, private", pid: server.pid }),
      close: () => server.stop(),
    };
  } catch (error) {
    // It holds nothing that cannot be made again: better the embedded one than no start.
    log.warn("private_redis_refused", { error: String(error) });
    return openEmbeddedHotStore(directory);
  }
}

const memoryFileSystem = "/dev/shm";
const roomWantedBytes = 512 * 1024 * 1024;

/** lmdb in memory where there is room (containers often give 64 MiB), else in the data directory. */
function openEmbeddedHotStore(directory: DataDirectory): Part<{ readonly hotStoreUrl: string }> {
  const { dev, ino } = statSync(directory.path);
  const isInMemory = hasRoom(memoryFileSystem);
  const folder = isInMemory
    ? join(memoryFileSystem, `tandem-hot-${dev}-${ino}`)
    : join(directory.path, "hot");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const where = isInMemory ? "in memory" : "on disk";
  return {
    hotStoreUrl: `lmdb:${folder}`,
    status: () => ({ name: "hot store", kind: `lmdb, embedded, ${where}`, pid: undefined }),
    close: async () => {
      if (isInMemory) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function hasRoom(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= roomWantedBytes;
  } catch {
    return false;
  }
}
