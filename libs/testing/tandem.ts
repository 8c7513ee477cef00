import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { realWorld } from "../world/index.ts";
import { freePort } from "./free-port.ts";
import { type RunningProcess, runningProcesses } from "./running-process.ts";

export interface TandemOptions {
  /** A name (`tandem`, `single`) or the path of a topology file; `tandem`. */
  readonly topology?: string;
  /** Sections of the configuration file, by deployable: `{ inference: { upstreams: […] } }`. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Further words of the command line; without the embedded model and without detection anyway. */
  readonly flags?: readonly string[];
  /** Used and kept; a folder of its own, removed at the end, when absent. */
  readonly dataDirectory?: string;
  /** How long the start may take; 60,000 ms. */
  readonly patienceMs?: number;
}

export interface TandemProcess {
  readonly name: string;
  readonly pid?: number | undefined;
  readonly state: string;
  readonly deaths: number;
  readonly hosts: readonly string[];
}

export interface TandemStatus {
  readonly pid: number;
  readonly state: string;
  /** Holds `sockets/ai-1.sock` and the like. */
  readonly runDirectory: string;
  readonly grpcAddress?: string | undefined;
  readonly processes: readonly TandemProcess[];
}

/** One JSON line of the supervisor. */
export type TandemEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** The product, running for real in processes of its own. */
export interface Tandem {
  /** `http://127.0.0.1:4600`. */
  readonly origin: string;
  /** `127.0.0.1:4601`, the port of gRPC alone. */
  readonly grpcAddress: string;
  /** With `/v1`, for OpenAI's clients. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly adminUrl: string;
  readonly adminKey: string;
  readonly dataDirectory: string;
  readonly supervisorPid: number;
  /** From the start of the command to the ready line. */
  readonly readyMs: number;
  readonly events: readonly TandemEvent[];
  /** What the control door says. */
  status(): Promise<TandemStatus>;
  /** What `GET` of a path below the management API answers, as the first administrator. */
  readManagement(path: string): Promise<unknown>;
  /** Asks the control door to do something: `restart/router-1`. */
  control(operation: string): Promise<void>;
  /** Sends a signal to a process of the topology, at once and without asking anybody. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Resolves once `what` is true of the status; rejects after `timeoutMs` (10,000). */
  until(what: (status: TandemStatus) => boolean, timeoutMs?: number): Promise<void>;
  /**
   * Ctrl-C, then waits for the end. Whatever is left 60 s later is killed; those, and what outlived
   * the supervisor, are told.
   */
  stop(): Promise<{
    readonly exitCode: number | null;
    readonly leftovers: readonly RunningProcess[];
  }>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const stopPatienceMs = 60_000;

const ownerSchema = z.object({ control: z.string() });
const processSchema = z.object({
  name: z.string(),
  pid: z.number().optional(),
  state: z.string(),
  deaths: z.number(),
  hosts: z.array(z.string()),
});
const endSchema = z.object({ event: z.string() });
const statusSchema = z.object({
  pid: z.number(),
  state: z.string(),
  runDirectory: z.string(),
  grpcAddress: z.string().optional(),
  processes: z.array(processSchema),
});

/** Starts the product and waits for its ready line; rejects with what it said when it gives up. */
export async function startTandem(options: TandemOptions = {}): Promise<Tandem> {
  const dataDirectory = options.dataDirectory ?? makeDataDirectory();
  const port = await freePort();
  const startMs = performance.now();
  const child = launch(options, dataDirectory, port);
  const events: TandemEvent[] = [];
  const output: string[] = [];
  try {
    await readyLine(child, { events, output, patienceMs: options.patienceMs ?? 60_000 });
  } catch (error) {
    child.kill("SIGKILL");
    await endLeftovers(dataDirectory);
    throw error;
  }
  const readyMs = performance.now() - startMs;
  const environment = readDevEnv(dataDirectory);
  const control = ownerSchema.parse(readJson(join(dataDirectory, "supervisor.json"))).control;
  const status = async (): Promise<TandemStatus> =>
    statusSchema.parse(await askControl(control, "GET", "status"));
  return {
    origin: `http://127.0.0.1:${port}`,
    grpcAddress: (await status()).grpcAddress ?? "",
    baseUrl: environment["OPENAI_BASE_URL"] ?? "",
    apiKey: environment["OPENAI_API_KEY"] ?? "",
    model: environment["TANDEM_MODEL"] ?? "",
    adminUrl: environment["TANDEM_ADMIN_URL"] ?? "",
    adminKey: environment["TANDEM_ADMIN_KEY"] ?? "",
    dataDirectory,
    supervisorPid: child.pid ?? 0,
    readyMs,
    events,
    status,
    async readManagement(path) {
      const headers = { authorization: `Bearer ${environment["TANDEM_ADMIN_KEY"] ?? ""}` };
      return (await fetch(`${environment["TANDEM_ADMIN_URL"] ?? ""}${path}`, { headers })).json();
    },
    control: async (operation) => void (await askControl(control, "POST", operation)),
    async kill(name, signal = "SIGKILL") {
      const { processes } = await status();
      const pid = processes.find((one) => one.name === name)?.pid;
      if (pid === undefined) throw new Error(`${name} is not running`);
      process.kill(pid, signal);
    },
    until: (what, timeoutMs = 10_000) => waitFor(status, what, timeoutMs),
    async stop() {
      const exitCode = await endOf(child);
      const leftovers = await endLeftovers(dataDirectory);
      if (options.dataDirectory === undefined) {
        rmSync(dataDirectory, { recursive: true, force: true });
      }
      return { exitCode, leftovers };
    },
  };
}

/** A new one, with the compiled code of earlier starts: without it a third of a start is compiling. */
function makeDataDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "tandem-data-"));
  const compiled = join(root, "node_modules/.cache/compile");
  mkdirSync(compiled, { recursive: true });
  mkdirSync(join(path, "cache"));
  symlinkSync(compiled, join(path, "cache/compile"));
  return path;
}

function launch(options: TandemOptions, dataDirectory: string, port: number): ChildProcess {
  const configFile = join(dataDirectory, "tandem.test.yaml");
  // JSON is YAML; the version is the file format's.
  writeFileSync(configFile, JSON.stringify({ version: 1, ...options.settings }));
  const words = [
    ...[join(root, "supervisor/main.ts"), "--port", String(port), "--data", dataDirectory],
    ...["--grpc-port", "0", "--config", configFile, "--no-model", "--no-detect"],
    // Should the test be killed with it, its processes are not to stay for long.
    ...["--set", "supervisor.orphan_limit=60s"],
    ...(options.topology ? ["--topology", options.topology] : []),
    ...(options.flags ?? []),
  ];
  return spawn(process.execPath, words, {
    cwd: root,
    env: { ...realWorld().environment, ...options.environment },
    // With the channel it stops when this process dies, however that happens.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

interface Reading {
  readonly events: TandemEvent[];
  readonly output: string[];
  readonly patienceMs: number;
}

function readyLine(child: ChildProcess, reading: Reading): Promise<void> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("the supervisor has no pipes");
  stdout.resume();
  return new Promise((resolve, reject) => {
    const giveUp = (what: string): void => {
      clearTimeout(timer);
      reject(new Error(`${what}\n${reading.output.slice(-30).join("\n")}`));
    };
    const timer = setTimeout(() => {
      giveUp(`not ready within ${reading.patienceMs} ms`);
    }, reading.patienceMs);
    child.once("exit", (code, signal) => giveUp(`ended before it was ready: ${code ?? signal}`));
    createInterface({ input: stderr }).on("line", (line) => {
      reading.output.push(line);
      const event = parseEvent(line);
      if (event === undefined) return;
      reading.events.push(event);
      if (event.event !== "ready") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function parseEvent(line: string): TandemEvent | undefined {
  try {
    return z.looseObject({ event: z.string() }).parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** The lines `NAME=value` or `export NAME=value` of the file that scripts source. */
export function readDevEnv(dataDirectory: string): Readonly<Partial<Record<string, string>>> {
  const text = readFileSync(join(dataDirectory, "dev.env"), "utf8");
  const lines = text.matchAll(/^(?:export )?([A-Z_]+)=(['"]?)(.*)\2$/gm);
  return Object.fromEntries([...lines].map(([, name = "", , value = ""]) => [name, value]));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

function askControl(socketPath: string, method: string, operation: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path: `/${operation}` }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        // What takes its time is told line by line; the last one says how it ended.
        const last: unknown =
          response.statusCode === 200 && JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
        if (last && endSchema.safeParse(last).data?.event !== "failed") resolve(last);
        else reject(new Error(`${operation}: ${response.statusCode} ${text}`));
      });
    });
    call.on("error", reject);
    call.end();
  });
}

async function waitFor(
  status: () => Promise<TandemStatus>,
  what: (status: TandemStatus) => boolean,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const now = await status();
    if (what(now)) return;
    if (performance.now() > deadlineMs) {
      throw new Error(`not so within ${timeoutMs} ms: ${JSON.stringify(now)}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 25);
    });
  }
}

function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    child.kill("SIGINT");
  });
}

/** Processes that still name this data directory or run in it; killed, and told. */
async function endLeftovers(dataDirectory: string): Promise<readonly RunningProcess[]> {
  const leftovers = runningProcesses().filter(
    ({ command, directory, pid }) =>
      (command.includes(dataDirectory) || directory.startsWith(dataDirectory)) &&
      pid !== process.pid,
  );
  for (const { pid } of leftovers) process.kill(pid, "SIGKILL");
  return leftovers;
}
