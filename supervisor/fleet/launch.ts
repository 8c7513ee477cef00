import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TopologyProcess } from "@tandem/libs/service";
import { isOnRequestPath } from "../core/request-path.ts";
import { identityOf, type ProcessIdentity } from "../folder/process-identity.ts";
import { type Order, type ProcessMessage, readProcessMessage } from "./messages.ts";

/** An operating-system process that runs the host program. */
export interface LaunchedProcess {
  /** Undefined when it could not even be started. */
  readonly identity: ProcessIdentity | undefined;
  order(order: Order): void;
  kill(): void;
  onMessage(run: (message: ProcessMessage) => void): void;
  /** Called once; `how` is a signal's name, `exit code 1`, or why it could not start. */
  onExit(run: (how: string) => void): void;
}

/** The same for every process of a run. */
export interface LaunchPlan {
  readonly compileCache: string;
  readonly logs: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly siteFileOf: (process: string) => string;
  /** Where the replicas' Unix sockets are. */
  readonly sockets: string;
  /** The public door, handed to processes that host a router. */
  readonly publicDescriptor: number;
  /** That of gRPC alone; undefined where there is none. */
  readonly grpcDescriptor: number | undefined;
}

/** Descriptors of the doors in a process that gets them; between them is the channel to us. */
export const doorDescriptors = { public: 3, grpc: 5 } as const;

/** What the supervisor alone may know: with these a process could act as the database's owner. */
const withheld = new Set(["DATABASE_URL", "REDIS_URL"]);

export function hostsRouter({ hosts }: TopologyProcess): boolean {
  return hosts.some((replica) => replica.startsWith("router/"));
}

/** All others allocate little: a small young generation saves some 25 MiB a process. */
const frugalFlags = ["--max-semi-space-size=4"];

/**
 * On the path of requests, helpers of the young collection cost more than they save; a young
 * generation that begins at half its size is collected less while the code is loaded.
 */
const requestPathFlags = ["--no-parallel-scavenge", "--min-semi-space-size=8"];

/**
 * What Node is told about the memory of a process. Nothing that changes V8's own tag belongs here:
 * under another one V8 refuses all compiled code, also what is built into Node.
 */
export function heapFlags({
  hosts,
  heapMib,
}: Pick<TopologyProcess, "hosts" | "heapMib">): readonly string[] {
  const style = isOnRequestPath(deployablesOf({ hosts })) ? requestPathFlags : frugalFlags;
  return heapMib === undefined ? style : [`--max-old-space-size=${heapMib}`, ...style];
}

function deployablesOf({ hosts }: Pick<TopologyProcess, "hosts">): readonly string[] {
  return [...new Set(hosts.map((replica) => replica.split("/")[0] ?? ""))];
}

/** A release brings its own host program; folders of deployables alone are run by ours. */
function hostProgram(sourceFolder: string): string {
  const own = join(sourceFolder, "supervisor", "host.ts");
  return existsSync(own) ? own : join(import.meta.dirname, "..", "host.ts");
}

let tasksetWorks: boolean | undefined;

/** True where processes can be pinned to CPUs. */
export function canPin(): boolean {
  tasksetWorks ??= spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0;
  return tasksetWorks;
}

/**
 * Starts a process of the topology, in a session of its own, so that Ctrl-C reaches the supervisor
 * alone. It writes its lines to its own file, not to a pipe: a supervisor that is slow or gone
 * never makes a process wait.
 */
export function launchProcess(
  plan: LaunchPlan,
  spec: TopologyProcess,
  sourceFolder: string,
): LaunchedProcess {
  const words = [
    process.execPath,
    ...heapFlags(spec),
    hostProgram(sourceFolder),
    plan.compileCache,
    plan.siteFileOf(spec.name),
    sourceFolder,
    ...deployablesOf(spec),
  ];
  if (spec.cpus !== undefined && canPin()) words.unshift("taskset", "-c", spec.cpus.join(","));
  const environment = Object.fromEntries(
    Object.entries(plan.environment).filter(([name]) => !withheld.has(name)),
  );
  // What a killed predecessor left in the file system would keep its successor from listening.
  for (const host of spec.hosts) {
    rmSync(join(plan.sockets, `${host.replace("/", "-")}.sock`), { force: true });
  }
  const [command = "", ...args] = words;
  const output = openSync(join(plan.logs, `${spec.name}.log`), "a", 0o600);
  const isRouter = hostsRouter(spec);
  const door = isRouter ? plan.publicDescriptor : "ignore";
  const grpcDoor = isRouter && plan.grpcDescriptor !== undefined ? [plan.grpcDescriptor] : [];
  const child = spawn(command, args, {
    env: environment,
    stdio: ["ignore", output, output, door, "ipc", ...grpcDoor],
    detached: true,
  });
  closeSync(output);
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return {
    identity: child.pid === undefined ? undefined : identityOf(child.pid),
    order: (order) => {
      if (child.connected) child.send(order, undefined, undefined, () => {});
    },
    kill: () => void child.kill("SIGKILL"),
    onMessage: (run) => {
      child.on("message", (value) => {
        const message = readProcessMessage(value);
        if (message !== undefined) run(message);
      });
    },
    onExit: (run) => void exited.then(run),
  };
}
