import { unlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Fault } from "../kernel/index.ts";
import type { Log } from "../telemetry/index.ts";
import type { Timer, World } from "../world/index.ts";
import { parseAddress } from "./address.ts";
import type { ExchangeHandler } from "./contract.ts";
import { httpFaults } from "./faults.ts";
import { type ServerLimits, serverLimitsDefault } from "./limits.ts";
import { type ConnectionHost, ServerConnection } from "./server-connection.ts";
import { statusLine } from "./status-line.ts";

export interface HttpServerOptions {
  /** Runs once a request's head is there. What it throws is answered with 500 and logged. */
  readonly onExchange: ExchangeHandler;
  readonly world: World;
  readonly log: Log;
  readonly limits?: Partial<ServerLimits>;
  /** The body of what the server refuses by itself; problem+json (RFC 9457) when absent. */
  readonly describeRefusal?: (fault: Fault) => { contentType: string; body: string };
}

export interface HttpServer {
  /** Binds, or takes a listening descriptor over. A dead server's socket file is replaced. */
  listen(where: string | { readonly descriptor: number }): Promise<void>;
  /** `unix:/path` or `tcp:host:port`, with the port that was really bound. */
  readonly address: string;
  readonly connections: number;
  /**
   * Stops accepting, closes idle connections, lets answers under way finish with
   * `connection: close`; after `deadlineMs` breaks off what is left. Resolves when all is closed.
   */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

const sweepMs = 250;

function problemJson(fault: Fault): { contentType: string; body: string } {
  const problem = {
    type: "about:blank",
    title: fault.publicMessage,
    status: fault.httpStatus,
    reason: fault.reason,
  };
  return { contentType: "application/problem+json", body: JSON.stringify(problem) };
}

/** The strict server of the inner hops: HTTP/1.1 only, and refuses what it does not understand. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new StrictServer(options);
}

class StrictServer implements HttpServer, ConnectionHost {
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly onExchange: ExchangeHandler;
  readonly describe: (fault: Fault) => { contentType: string; body: string };
  readonly #world: World;
  readonly #server: Server;
  readonly #open = new Map<ServerConnection, string>();
  readonly #countByAddress = new Map<string, number>();
  #isDraining = false;
  #address = "";
  #sweeper: Timer | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.limits = { ...serverLimitsDefault, ...options.limits };
    this.log = options.log;
    this.onExchange = options.onExchange;
    this.describe = options.describeRefusal ?? problemJson;
    this.#world = options.world;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket);
    });
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get address(): string {
    return this.#address;
  }

  get connections(): number {
    return this.#open.size;
  }

  async listen(where: string | { readonly descriptor: number }): Promise<void> {
    await listenOn(this.#server, where);
    this.#address = addressOf(this.#server, where);
    let sweptAtMs = this.#world.clock.monotonicMs();
    this.#sweeper = this.#world.timers.every(sweepMs, () => {
      const nowMs = this.#world.clock.monotonicMs();
      for (const connection of this.#open.keys()) connection.sweep(nowMs - sweptAtMs);
      sweptAtMs = nowMs;
    });
  }

  async close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#isDraining = true;
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#open.keys()) connection.drain();
    const timer = this.#world.timers.after(deadlineMs, () => {
      for (const connection of this.#open.keys()) connection.destroy();
    });
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    await stopped;
    timer.cancel();
    this.#sweeper?.cancel();
  }

  closed(connection: ServerConnection): void {
    const address = this.#open.get(connection);
    this.#open.delete(connection);
    if (address !== undefined && address !== "") {
      const count = (this.#countByAddress.get(address) ?? 1) - 1;
      if (count === 0) this.#countByAddress.delete(address);
      else this.#countByAddress.set(address, count);
    }
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const ofAddress = address === "" ? 0 : (this.#countByAddress.get(address) ?? 0);
    const isFull = this.#open.size >= this.limits.connections;
    if (isFull || ofAddress >= this.limits.connectionsPerAddress) {
      this.#turnAway(socket);
      return;
    }
    if (address !== "") this.#countByAddress.set(address, ofAddress + 1);
    this.#open.set(new ServerConnection(socket, this), address);
  }

  #turnAway(socket: Socket): void {
    const fault = httpFaults.overloaded();
    const { contentType, body } = this.describe(fault);
    socket.on("error", () => socket.destroy());
    socket.write(
      `${statusLine(503)}content-type: ${contentType}\r\nretry-after: 1\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
    socket.destroySoon();
  }
}

function listenOn(server: Server, where: string | { readonly descriptor: number }): Promise<void> {
  if (typeof where !== "string") return listenOnce(server, { fd: where.descriptor });
  const address = parseAddress(where);
  if (address.kind !== "unix") {
    return listenOnce(server, { host: address.host, port: address.port, backlog: 1_024 });
  }
  const { path } = address;
  return listenOnce(server, { path, backlog: 1_024 }).catch(async (error: unknown) => {
    if (!(await isAbandoned(path, error))) throw error;
    unlinkSync(path);
    await listenOnce(server, { path, backlog: 1_024 });
  });
}

type ListenTarget = { fd: number } | { path: string; backlog: number } | TcpTarget;
type TcpTarget = { host: string; port: number; backlog: number };

function listenOnce(server: Server, target: ListenTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(target, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A socket file that nobody listens on: its server was killed. */
function isAbandoned(path: string, error: unknown): Promise<boolean> {
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.on("error", (failure: NodeJS.ErrnoException) => resolve(failure.code === "ECONNREFUSED"));
  });
}

function addressOf(server: Server, where: string | { readonly descriptor: number }): string {
  const bound: AddressInfo | string | null = server.address();
  if (typeof bound === "string") return `unix:${bound}`;
  if (bound === null) return typeof where === "string" ? where : "";
  const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return `tcp:${host}:${bound.port}`;
}
