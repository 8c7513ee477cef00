import { chmodSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { nodeHttp } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import { supervisorFaults } from "../faults.ts";
import type { KeyRotation } from "../rotate-keys.ts";
import type { Deadlines, Fleet } from "./fleet.ts";
import type { ManagedProcess } from "./managed-process.ts";
import type { Rollout } from "./rollout.ts";
import type { Tell } from "./tell.ts";
import { readUpgradeWishes } from "./upgrade-wishes.ts";

/** What `GET /status` answers. */
export interface Status {
  readonly pid: number;
  readonly state: "starting" | "ready" | "degraded" | "stopping";
  /** Base URL of the public door. */
  readonly url: string;
  /** `127.0.0.1:4601`; absent where gRPC has no port of its own. */
  readonly grpcAddress: string | undefined;
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
  /** Others call it; one that is new or leaving is not called. */
  readonly isMember: boolean;
  /** Where its code is. */
  readonly sourceFolder: string;
  readonly pid: number | undefined;
  /** Unasked-for deaths since the supervisor started. */
  readonly deaths: number;
  readonly unready: readonly string[];
  readonly ageMs: number;
  readonly residentBytes: number | undefined;
  readonly cpuMs: number | undefined;
  readonly loopLagMs: number | undefined;
  /** Of the memory that it may have, in use. */
  readonly memoryShare: number | undefined;
}

export function statusOfProcesses(fleet: Fleet): readonly ProcessStatus[] {
  return fleet.processes.map((process) => ({
    name: process.spec.name,
    level: process.spec.level,
    hosts: process.spec.hosts,
    isMember: fleet.roster.isMember(process.spec.name),
    sourceFolder: process.sourceFolder,
    state: process.state,
    pid: process.identity?.pid,
    deaths: process.deaths,
    unready: process.unready,
    ageMs: Math.round(process.ageMs),
    residentBytes: process.beat?.residentBytes,
    cpuMs: process.beat?.cpuMs,
    loopLagMs: process.beat?.loopLagMs,
    memoryShare: process.beat?.memoryShare,
  }));
}

export interface ControlDoorOptions {
  /** Path of the Unix socket; whoever may open it may stop everything, so it is its owner's. */
  readonly path: string;
  readonly fleet: Fleet;
  readonly rollout: Rollout;
  readonly rotation: KeyRotation;
  readonly status: () => Status;
  /** Open alerts, as monitoring tells them. */
  readonly alerts: () => Promise<unknown>;
  readonly deadlines: Deadlines;
  /** Where the code of this supervisor is. */
  readonly sourceFolder: string;
  readonly log: Log;
  /** Ends the whole platform. */
  readonly shutdown: () => void;
}

/**
 * The supervisor's own door, for the command line and for tests; README.md lists what it can do.
 * An operation that takes its time is told line by line, the last line being its end.
 */
export async function openControlDoor(
  options: ControlDoorOptions,
): Promise<{ close(): Promise<void> }> {
  const server = nodeHttp.createServer(
    (request, response) => void serve(options, request, response),
  );
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

async function serve(
  options: ControlDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const write = (body: unknown): void => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(`${JSON.stringify(body)}\n`);
  };
  const tell: Tell = (event, fields) => {
    options.log.info(event, fields);
    write({ event, ...fields });
  };
  try {
    write(await answer(options, request, tell));
    response.end();
  } catch (error) {
    const fault = Fault.from(error);
    const { reason, publicMessage: message } = fault;
    if (response.headersSent) {
      write({ event: "failed", reason, message });
      response.end();
    } else {
      response.writeHead(fault.httpStatus, { "content-type": "application/json" });
      response.end(`${JSON.stringify({ reason, message })}\n`);
    }
  }
}

async function answer(
  options: ControlDoorOptions,
  request: IncomingMessage,
  tell: Tell,
): Promise<unknown> {
  const { fleet, deadlines, rollout } = options;
  const { pathname, searchParams } = new URL(request.url ?? "", "http://supervisor");
  const [, verb = "", name = "", count = ""] = pathname.split("/");
  if (request.method === "GET" && verb === "status") return options.status();
  if (request.method === "GET" && verb === "alerts") return options.alerts();
  if (request.method !== "POST") throw unknownOperation(request);
  switch (verb) {
    case "shutdown":
      options.shutdown();
      return { state: "stopping" };
    case "upgrade":
      await rollout.upgrade(readUpgradeWishes(searchParams, options.sourceFolder), tell);
      return { event: "done" };
    case "rotate-signing-keys":
      await options.rotation.rotate(searchParams, tell);
      return { event: "done" };
    case "scale":
      await rollout.scale(name, Number(count), tell);
      return { event: "done" };
    case "drain":
      await rollout.drain(name, tell);
      return { event: "done" };
    case "start":
      return stateOf(await rollout.start(name));
    case "restart":
      await fleet.restart(fleet.find(name), deadlines);
      return stateOf(fleet.find(name));
    case "stop":
      await fleet.find(name).stop(deadlines);
      return stateOf(fleet.find(name));
    default:
      throw unknownOperation(request);
  }
}

function stateOf({ spec, state }: ManagedProcess): unknown {
  return { process: spec.name, state };
}

function unknownOperation({ method, url }: IncomingMessage): Fault {
  return supervisorFaults.wrong_usage({
    publicMessage: `There is no ${method} ${url} here. GET /status shows what there is.`,
  });
}
