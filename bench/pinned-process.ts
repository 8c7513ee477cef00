import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

export interface PinnedProcess {
  readonly child: ChildProcess;
  /** The process and its children, as they are now. */
  pids(): number[];
  stop(): Promise<void>;
}

/** Starts a command on one core; what it says goes to `onOutput`, and is kept for its epitaph. */
export function startPinned(
  core: number,
  command: readonly [string, ...string[]],
  options: {
    readonly cwd?: string;
    readonly onOutput?: (text: string) => void;
  } = {},
): PinnedProcess {
  const child = spawn("taskset", ["-c", String(core), ...command], {
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd && { cwd: options.cwd }),
  });
  let last = "";
  const take = (chunk: Buffer): void => {
    last = (last + chunk.toString()).slice(-2_000);
    options.onOutput?.(chunk.toString());
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  child.on("error", (error) => take(Buffer.from(error.message)));
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  // However the bench ends, nobody stays behind.
  process.once("exit", () => child.kill("SIGKILL"));
  return {
    child,
    pids: () => (child.pid === undefined ? [] : [child.pid, ...childrenOf(child.pid)]),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

/** Resolves once somebody listens on the port; rejects when nobody does in time. */
export async function listening(port: number, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await canConnect(port))) {
    if (performance.now() > deadlineMs) throw new Error(`nobody listens on port ${port}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** What a command prints about itself, or undefined where there is no such command. */
export function versionOf(command: readonly [string, ...string[]]): string | undefined {
  try {
    const [file, ...words] = command;
    // nginx tells its version on stderr.
    const text = execFileSync("sh", ["-c", '"$@" 2>&1', "sh", file, ...words], {
      encoding: "utf8",
    });
    return /\d+\.\d+[.\d]*/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
