import { spawn } from "node:child_process";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import type { Binaries } from "./binaries.ts";
import { postgresEnvironment } from "./cluster.ts";
import { postgresFaults } from "./faults.ts";
import type { Identity } from "./identity.ts";
import { isAlive, processesOf, readPostmasterFile } from "./postmaster-file.ts";
import { openServerLines } from "./server-lines.ts";

/** Names the socket file; nothing listens on a TCP port. */
export const socketPort = 5432;
const pollMs = 5;
const startTimeoutMs = 60_000;
const watchMs = 100;

/** A running postmaster: our child, or one we found. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when it is gone, with a word on how. */
  readonly exited: Promise<string>;
}

export interface LaunchOptions {
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly binaries: Binaries;
  readonly identity: Identity;
  readonly log: Log;
  readonly world: World;
  /** For one that outlives us; its lines come by a pipe otherwise. */
  readonly logFile: string | undefined;
  /** `-c` settings on top of ours. */
  readonly settings: Readonly<Record<string, string>>;
}

const ownSettings: Readonly<Record<string, string>> = {
  listen_addresses: "",
  cluster_name: "tandem",
  max_connections: "200",
  shared_buffers: "64MB",
  // A short log to replay: the server is back within a second of a kill.
  max_wal_size: "256MB",
  min_wal_size: "64MB",
  // After a kill the data is made durable before the log is replayed: in one call, not by file.
  recovery_init_sync_method: "syncfs",
  // Reads are small here, and three more processes are not.
  io_method: "sync",
  jit: "off",
  // Clients' errors reach us as faults. Here they would put statements, and with them values, on
  // the log.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_checkpoints: "off",
  log_line_prefix: "",
};

/** Starts a postmaster and resolves when it accepts connections; `postgres.start_failed` else. */
export async function launch(options: LaunchOptions): Promise<ServerProcess> {
  const { cluster, identity, binaries, log, world } = options;
  const settings = {
    ...ownSettings,
    unix_socket_directories: options.socketDirectory,
    ...options.settings,
  };
  const { file, args, ids } = identity.command(binaries.postgres, [
    "-D",
    cluster,
    "-p",
    String(socketPort),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  const lines = openServerLines(options.logFile);
  const child = spawn(file, args, {
    cwd: "/",
    env: postgresEnvironment(binaries),
    stdio: ["ignore", "ignore", lines.output],
    // A group of its own: Ctrl-C must not stop it before those who still write to it.
    detached: true,
    ...ids,
  });
  lines.follow(child.stderr, (line) => {
    const isGrave = /^(FATAL|PANIC|WARNING)/.test(line);
    log[isGrave ? "warn" : "debug"]("postgres_says", { line });
  });
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  let ended: string | undefined;
  void exited.then((reason) => {
    ended = reason;
  });
  const startedMs = world.clock.monotonicMs();
  for (;;) {
    const postmaster = readPostmasterFile(cluster);
    if (postmaster?.pid === child.pid && postmaster?.status === "ready") break;
    const isLate = world.clock.monotonicMs() - startedMs > startTimeoutMs;
    if (isLate) child.kill("SIGKILL");
    if (ended !== undefined || isLate) {
      throw postgresFaults.start_failed({
        detail: [ended ?? "timeout", ...lines.last()].join("\n"),
      });
    }
    await sleep(world, pollMs);
  }
  return { pid: child.pid ?? 0, exited };
}

/**
 * The server that works in this data directory already, once it is ready; undefined when there is
 * none, any more. Leftovers of a killed one, and a note of a process number that somebody else has
 * by now, are cleared away, or the next server would refuse to start.
 */
export async function findRunning(options: {
  readonly cluster: string;
  readonly log: Log;
  readonly world: World;
  readonly removeNote: () => Promise<void>;
}): Promise<ServerProcess | undefined> {
  const { cluster, log, world } = options;
  const startedMs = world.clock.monotonicMs();
  for (;;) {
    const postmaster = readPostmasterFile(cluster);
    const processes = processesOf(cluster);
    if (processes === undefined) return undefined;
    const isOurs = postmaster !== undefined && processes.includes(postmaster.pid);
    if (isOurs && postmaster.status === "ready") {
      return { pid: postmaster.pid, exited: watch(cluster, postmaster.pid, world) };
    }
    if (processes.length === 0) {
      if (postmaster !== undefined && isAlive(postmaster.pid)) {
        log.warn("postgres_stale_note_removed", { pid: postmaster.pid });
        await options.removeNote();
      }
      return undefined;
    }
    const waitedMs = world.clock.monotonicMs() - startedMs;
    if (waitedMs > startTimeoutMs) {
      throw postgresFaults.start_failed({ detail: `processes ${processes} keep ${cluster}` });
    }
    // A postmaster that starts or stops is waited for. Without one, its children end by themselves
    // as soon as they look up; the ones that do not, must.
    if (!isOurs && waitedMs > 300) {
      for (const pid of processes) quietlyKill(pid, waitedMs > 2000 ? "SIGKILL" : "SIGQUIT");
    }
    await sleep(world, pollMs);
  }
}

/** Ends it: politely to clients (their transactions roll back), then at once, then by force. */
export async function endServer(
  server: ServerProcess,
  options: { readonly world: World; readonly deadlineMs: number },
): Promise<void> {
  const { world, deadlineMs } = options;
  const waits: readonly (readonly [NodeJS.Signals, number])[] = [
    ["SIGINT", deadlineMs],
    ["SIGQUIT", 2000],
    ["SIGKILL", 2000],
  ];
  for (const [signal, waitMs] of waits) {
    quietlyKill(server.pid, signal);
    let timer: { cancel(): void } | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = world.timers.after(waitMs, () => resolve(false));
    });
    const isGone = await Promise.race([server.exited.then(() => true), timeout]);
    timer?.cancel();
    if (isGone) return;
  }
}

function quietlyKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Somebody else's child: its end can only be seen by looking. */
function watch(cluster: string, pid: number, world: World): Promise<string> {
  return new Promise((resolve) => {
    const timer = world.timers.every(watchMs, () => {
      if (processesOf(cluster)?.includes(pid)) return;
      timer.cancel();
      resolve("gone");
    });
  });
}
