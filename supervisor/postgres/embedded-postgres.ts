import { chmod, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { findBinaries } from "./binaries.ts";
import {
  type ClusterPaths,
  clusterPaths,
  exists,
  giveTree,
  initialise,
  superuser,
  superuserPassword,
} from "./cluster.ts";
import { postgresFaults } from "./faults.ts";
import { chooseIdentity } from "./identity.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import {
  endServer,
  findRunning,
  launch,
  type ServerProcess,
  socketPort,
} from "./server-process.ts";

const socketPathBytesMax = 107;
const restartDelayMsMax = 5000;

export interface EmbeddedPostgresOptions {
  /** Of the embedded server alone; what lasts is here. Made when absent. */
  readonly dataDirectory: string;
  /** For the socket, in a subdirectory of ours; the socket's path stays below 108 bytes. */
  readonly runDirectory: string;
  readonly log: Log;
  readonly world: World;
  /** It goes on when our process is killed, for a successor, and writes its lines to this file. */
  readonly outliving?: { readonly logFile: string };
  /** Settings of the server on top of ours, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** How a server ended that was not told to. */
export interface UnexpectedExit {
  /** A signal's name, or `exit code 2`. */
  readonly reason: string;
}

export interface EmbeddedPostgres {
  /** URL of the superuser, to the database `postgres`. Stays the same across restarts. */
  readonly adminUrl: string;
  /** Of the postmaster; changes with a restart. */
  readonly pid: number;
  /** True when the server had been started by somebody before us. */
  readonly isAdopted: boolean;
  /** Called at each unexpected end; the server is being started again by then. */
  onExit(listener: (exit: UnexpectedExit) => void): void;
  /** Ends it, rolling open transactions back; by force after `deadlineMs` (10 s by default). */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
}

/**
 * Starts the PostgreSQL that npm brought, or takes over the one that already runs on this data
 * directory, and keeps it running: one that ends unasked is started again at once.
 *
 * When our process dies, by kill -9 too, the kernel tells the server to stop (where `setpriv` is
 * installed); it is not orphaned, and loses nothing. With `outliving` it stays for a successor.
 * Throws the faults of `postgresFaults`.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const dataDirectory = resolve(options.dataDirectory);
  const socketDirectory = join(resolve(options.runDirectory), "postgres");
  checkSocketPath(socketDirectory);
  await mkdir(dataDirectory, { recursive: true });
  // Others may pass through to what is theirs; what is in it is closed by its own mode.
  await chmod(dataDirectory, 0o711);
  await mkdir(options.runDirectory, { recursive: true });
  await mkdir(socketDirectory, { recursive: true, mode: 0o700 });
  const paths = clusterPaths(dataDirectory);
  const password = await superuserPassword(paths, options.world);
  const server = new Server({ ...options, paths, socketDirectory, password });
  await server.start();
  return server;
}

interface ServerOptions extends EmbeddedPostgresOptions {
  readonly paths: ClusterPaths;
  readonly socketDirectory: string;
  readonly password: string;
}

/** States: starting → ready → (ended unasked) → starting …; from any of them stopping → stopped. */
class Server implements EmbeddedPostgres {
  readonly #options: ServerOptions;
  readonly #listeners: ((exit: UnexpectedExit) => void)[] = [];
  #state: "starting" | "ready" | "stopping" | "stopped" = "starting";
  #process: ServerProcess | undefined;
  #socketDirectory: string;
  #isAdopted: boolean = false;
  #restart: Promise<void> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#socketDirectory = options.socketDirectory;
  }

  get adminUrl(): string {
    const host = encodeURIComponent(this.#socketDirectory);
    const account = `${superuser}:${this.#options.password}`;
    return `postgres://${account}@/postgres?host=${host}&port=${socketPort}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isAdopted(): boolean {
    return this.#isAdopted;
  }

  onExit(listener: (exit: UnexpectedExit) => void): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    const { log, world, paths } = this.#options;
    const startedMs = world.clock.monotonicMs();
    const running = await this.#findRunning();
    this.#isAdopted = running !== undefined;
    this.#process = running ?? (await this.#launch());
    if (running !== undefined) {
      this.#socketDirectory =
        readPostmasterFile(paths.cluster)?.socketDirectory ?? this.#socketDirectory;
    }
    if (this.#state !== "starting") return;
    this.#state = "ready";
    const durationMs = Math.round(world.clock.monotonicMs() - startedMs);
    log.info("postgres_ready", { pid: this.pid, adopted: this.#isAdopted, durationMs });
    void this.#process.exited.then((reason) => this.#ended(reason));
  }

  async stop({ deadlineMs = 10_000 }: { readonly deadlineMs?: number } = {}): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    await this.#restart;
    if (this.#process !== undefined) {
      await endServer(this.#process, { world: this.#options.world, deadlineMs });
    }
    this.#state = "stopped";
    this.#options.log.info("postgres_stopped");
  }

  #findRunning(): Promise<ServerProcess | undefined> {
    const { paths, log, world } = this.#options;
    return findRunning({
      cluster: paths.cluster,
      log,
      world,
      removeNote: () => rm(join(paths.cluster, "postmaster.pid"), { force: true }),
    });
  }

  async #launch(): Promise<ServerProcess> {
    const { paths, socketDirectory, log, world, password, outliving } = this.#options;
    const binaries = await findBinaries(paths.links);
    const isNew = !(await exists(join(paths.cluster, "PG_VERSION")));
    if (isNew) await mkdir(paths.clusterBeingMade, { recursive: true, mode: 0o700 });
    const directories = [isNew ? paths.clusterBeingMade : paths.cluster, socketDirectory];
    const identity = await chooseIdentity({
      world,
      binaries,
      directories,
      isOutliving: outliving !== undefined,
      giveTo: async (owner) => {
        for (const directory of directories) await giveTree(directory, owner);
      },
    });
    if (isNew) await initialise({ paths, binaries, identity, password, log, world });
    this.#socketDirectory = socketDirectory;
    const { settings = {} } = this.#options;
    const { cluster } = paths;
    const logFile = outliving?.logFile;
    return launch({ cluster, socketDirectory, binaries, identity, log, world, settings, logFile });
  }

  #ended(reason: string): void {
    if (this.#state !== "ready") return;
    this.#state = "starting";
    this.#options.log.error("postgres_ended", { reason });
    for (const listener of this.#listeners) listener({ reason });
    this.#restart = this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    const { log, world } = this.#options;
    for (let delayMs = 50; this.#state === "starting"; delayMs *= 2) {
      try {
        return await this.start();
      } catch (error) {
        log.error("postgres_restart_failed", { error: String(error) });
        await sleep(world, Math.min(delayMs, restartDelayMsMax));
      }
    }
  }
}

function checkSocketPath(socketDirectory: string): void {
  const path = join(socketDirectory, `.s.PGSQL.${socketPort}`);
  if (Buffer.byteLength(path) <= socketPathBytesMax) return;
  throw postgresFaults.socket_path_too_long({
    detail: `${path} has ${Buffer.byteLength(path)} bytes`,
  });
}
