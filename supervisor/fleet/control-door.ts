import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Fault } from "@tandem/libs/kernel";
import { supervisorFaults } from "../faults.ts";
import type { Fleet } from "./fleet.ts";

/** What `GET /status` answers. */
export interface Status {
  readonly pid: number;
  readonly state: "starting" | "ready" | "degraded" | "stopping";
  /** Base URL of the public door. */
  readonly url: string;
  readonly dataDirectory: string;
  readonly runDirectory: string;
  readonly stores: readonly StoreStatus[];
  readonly processes: readonly ProcessStatus[];
}

export interface StoreStatus {
  readonly name: "database" | "hot store";
  /** `PostgreSQL, embedded`, `Redis, yours` … */
  readonly kind: string;
  /** Of a server that the supervisor runs. */
  readonly pid: number | undefined;
}

export interface ProcessStatus {
  readonly name: string;
  readonly level: number;
  readonly hosts: readonly string[];
  readonly state: string;
  readonly pid: number | undefined;
  /** Unasked-for deaths since the supervisor started. */
  readonly deaths: number;
  readonly unready: readonly string[];
  readonly ageMs: number;
  readonly residentBytes: number | undefined;
  readonly cpuMs: number | undefined;
  readonly loopLagMs: number | undefined;
}

export function statusOfProcesses(fleet: Fleet): readonly ProcessStatus[] {
  return fleet.processes.map((process) => ({
    name: process.spec.name,
    level: process.spec.level,
    hosts: process.spec.hosts,
    state: process.state,
    pid: process.identity?.pid,
    deaths: process.deaths,
    unready: process.unready,
    ageMs: Math.round(process.ageMs),
    residentBytes: process.beat?.residentBytes,
    cpuMs: process.beat?.cpuMs,
    loopLagMs: process.beat?.loopLagMs,
  }));
}

export interface ControlDoorOptions {
  /** Path of the Unix socket; whoever may open it may stop everything, so it is its owner's. */
  readonly path: string;
  readonly fleet: Fleet;
  readonly status: () => Status;
  readonly deadlines: { readonly noticeMs: number; readonly deadlineMs: number };
  /** Ends the whole platform. */
  readonly shutdown: () => void;
}

/**
 * The supervisor's own door, for the command line and for tests: `GET /status`,
 * `POST /restart/<process>`, `POST /stop/<process>`, `POST /start/<process>`, `POST /shutdown`.
 * A stop and a restart answer when they are done.
 */
export async function openControlDoor(
  options: ControlDoorOptions,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(options, request)
      .then((body) => respond(response, 200, body))
      .catch((error: unknown) => {
        const fault = Fault.from(error);
        const { reason, publicMessage: message } = fault;
        respond(response, fault.httpStatus, { reason, message });
      });
  });
  // A predecessor that was killed has left its own.
  rmSync(options.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.path, resolve);
  });
  chmodSync(options.path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

async function answer(options: ControlDoorOptions, request: IncomingMessage): Promise<unknown> {
  const { fleet, deadlines } = options;
  const [, verb = "", name = ""] = (request.url ?? "").split("/");
  if (request.method === "GET" && verb === "status") return options.status();
  if (request.method !== "POST") throw unknownOperation(request);
  if (verb === "shutdown") {
    options.shutdown();
    return { state: "stopping" };
  }
  const process = fleet.find(name);
  if (verb === "restart") await fleet.restart(process, deadlines);
  else if (verb === "stop") await process.stop(deadlines);
  else if (verb === "start") {
    process.load();
    process.open();
  } else throw unknownOperation(request);
  return { process: process.spec.name, state: process.state };
}

function unknownOperation({ method, url }: IncomingMessage): Fault {
  return supervisorFaults.wrong_usage({
    publicMessage: `There is no ${method} ${url} here. GET /status shows what there is.`,
  });
}
