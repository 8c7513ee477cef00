import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { findOnPath } from "../postgres/identity.ts";
import { isAlive } from "../postgres/postmaster-file.ts";
import { openServerLines } from "../postgres/server-lines.ts";
import { endServer, type ServerProcess } from "../postgres/server-process.ts";
import { redisFaults } from "./faults.ts";
import { readyRedisPid } from "./redis-talk.ts";

const socketPathBytesMax = 107;
const pollMs = 5;
const watchMs = 100;
const startTimeoutMs = 30_000;
const restartDelayMsMax = 5000;

export interface PrivateRedisOptions {
  /** Of the private server alone; its append-only file is here. */
  readonly dataDirectory: string;
  /** For the socket, in a subdirectory of ours. */
  readonly runDirectory: string;
  readonly log: Log;
  readonly world: World;
  /** It goes on when our process is killed, for a successor, and writes its lines to this file. */
  readonly outliving?: { readonly logFile: string };
  /** Memory for data, in MiB; beyond it the least recently used goes. 256 by default. */
  readonly memoryMib?: number;
}

export interface PrivateRedis {
  /** For `openHotStore`. Stays the same across restarts. */
  readonly url: string;
  readonly pid: number;
  /** Called at each unexpected end; the server is being started again by then. */
  onExit(listener: (exit: { readonly reason: string }) => void): void;
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
}

/**
 * Starts a Redis or Valkey of our own where one is installed, and keeps it running; undefined where
 * none is. It is reached over a Unix socket that only we may open, writes what it holds to an
 * append-only file, and is told to stop when we die, unless it is `outliving`. Throws
 * `redis.start_failed`.
 */
export async function startPrivateRedis(
  options: PrivateRedisOptions,
): Promise<PrivateRedis | undefined> {
  const { world } = options;
  const binary = findOnPath(world, "valkey-server") ?? findOnPath(world, "redis-server");
  if (binary === undefined) return undefined;
  const socketDirectory = join(resolve(options.runDirectory), "redis");
  const socketPath = join(socketDirectory, "redis.sock");
  if (Buffer.byteLength(socketPath) > socketPathBytesMax) {
    throw redisFaults.socket_path_too_long({ detail: socketPath });
  }
  await mkdir(options.runDirectory, { recursive: true });
  await mkdir(socketDirectory, { recursive: true, mode: 0o700 });
  const dataDirectory = resolve(options.dataDirectory);
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const server = new Server({ ...options, dataDirectory, binary, socketPath });
  await server.start();
  return server;
}

interface ServerOptions extends PrivateRedisOptions {
  readonly binary: string;
  readonly socketPath: string;
}

/** States: starting → ready → (ended unasked) → starting …; from any of them stopping. */
class Server implements PrivateRedis {
  readonly #options: ServerOptions;
  readonly #listeners: ((exit: { readonly reason: string }) => void)[] = [];
  #state: "starting" | "ready" | "stopping" = "starting";
  #process: ServerProcess | undefined;
  #restart: Promise<void> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get url(): string {
    return `redis+unix://${this.#options.socketPath.split("/").map(encodeURIComponent).join("/")}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  onExit(listener: (exit: { readonly reason: string }) => void): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    const { socketPath, log, world } = this.#options;
    const startedMs = world.clock.monotonicMs();
    // A second server on the same file would destroy it: take over one that outlived its starter.
    const running = await readyRedisPid(socketPath);
    this.#process =
      running === undefined
        ? await launch(this.#options)
        : { pid: running, exited: watch(running, world) };
    if (this.#state !== "starting") return;
    this.#state = "ready";
    const durationMs = Math.round(world.clock.monotonicMs() - startedMs);
    log.info("redis_ready", { pid: this.pid, adopted: running !== undefined, durationMs });
    void this.#process.exited.then((reason) => this.#ended(reason));
  }

  async stop({ deadlineMs = 5000 }: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#state = "stopping";
    await this.#restart;
    if (this.#process !== undefined) {
      await endServer(this.#process, { world: this.#options.world, deadlineMs });
    }
    this.#options.log.info("redis_stopped");
  }

  #ended(reason: string): void {
    if (this.#state !== "ready") return;
    this.#state = "starting";
    this.#options.log.error("redis_ended", { reason });
    for (const listener of this.#listeners) listener({ reason });
    this.#restart = this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    const { log, world } = this.#options;
    for (let delayMs = 50; this.#state === "starting"; delayMs *= 2) {
      try {
        return await this.start();
      } catch (error) {
        log.error("redis_restart_failed", { error: String(error) });
        await sleep(world, Math.min(delayMs, restartDelayMsMax));
      }
    }
  }
}

async function launch(options: ServerOptions): Promise<ServerProcess> {
  const { binary, socketPath, dataDirectory, log, world, memoryMib = 256 } = options;
  const { outliving } = options;
  const setpriv = outliving === undefined ? findOnPath(world, "setpriv") : undefined;
  const settings = [
    ["port", "0"],
    ["unixsocket", socketPath],
    ["unixsocketperm", "700"],
    ["dir", dataDirectory],
    ["appendonly", "yes"],
    ["appendfsync", "everysec"],
    ["save", ""],
    ["maxmemory", `${memoryMib}mb`],
    ["maxmemory-policy", "volatile-lru"],
    ["daemonize", "no"],
    ["loglevel", "warning"],
  ].flatMap(([name, value]) => [`--${name}`, value ?? ""]);
  const words = [binary, ...settings];
  if (setpriv !== undefined) words.unshift(setpriv, "--pdeathsig", "TERM", "--");
  const [file = "", ...args] = words;
  const lines = openServerLines(outliving?.logFile);
  const child = spawn(file, args, {
    cwd: dataDirectory,
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin" },
    stdio: ["ignore", lines.output, "ignore"],
    // A group of its own: Ctrl-C must not stop it before those who still use it.
    detached: true,
  });
  lines.follow(child.stdout, (line) => log.debug("redis_says", { line }));
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  let ended: string | undefined;
  void exited.then((reason) => {
    ended = reason;
  });
  const startedMs = world.clock.monotonicMs();
  while ((await readyRedisPid(socketPath)) !== child.pid) {
    const isLate = world.clock.monotonicMs() - startedMs > startTimeoutMs;
    if (isLate) child.kill("SIGKILL");
    if (ended !== undefined || isLate) {
      throw redisFaults.start_failed({
        detail: `${ended ?? "timeout"}: ${lines.last().at(-1) ?? ""}`,
      });
    }
    await sleep(world, pollMs);
  }
  return { pid: child.pid ?? 0, exited };
}

/** Somebody else's child: its end can only be seen by looking. */
function watch(pid: number, world: World): Promise<string> {
  return new Promise((resolve) => {
    const timer = world.timers.every(watchMs, () => {
      if (isAlive(pid)) return;
      timer.cancel();
      resolve("gone");
    });
  });
}
