import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The installed server's name, or undefined. */
export const redisBinary = ["redis-server", "valkey-server"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** A real server of one test file, on a Unix socket of its own. */
export interface TestRedis {
  readonly url: string;
  readonly socketPath: string;
  start(): Promise<void>;
  /** `SIGKILL` waits for its end. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Removes what a server that is not running has on disk. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

export async function createTestRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), "tandem-hot-"));
  const socket = join(directory, "redis.sock");
  let server: ChildProcess | undefined;
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (server === undefined || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill(name);
    if (name === "SIGKILL") await ended;
  };
  return {
    url: `redis+unix://${socket}`,
    socketPath: socket,
    signal,
    start: async () => {
      const own = ["--port", "0", "--unixsocket", socket, "--dir", directory, "--save", ""];
      server = spawn(redisBinary ?? "", [...own, ...settings], { stdio: "ignore" });
      while (!(await answers(socket))) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    empty: () => rm(join(directory, "appendonlydir"), { recursive: true, force: true }),
    remove: async () => {
      await signal("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write("PING\r\n"));
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
