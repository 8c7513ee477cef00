import { unlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { parseAddress } from "./address.ts";
import type { ConnectionCaps } from "./connection-caps.ts";
import { ServerSocket } from "./server-socket.ts";

/** An address, or a listening descriptor that somebody else holds open. */
export type ListenTarget = string | { readonly descriptor: number };

export interface ListenerOptions {
  readonly caps: ConnectionCaps;
  /** Sockets as `ServerSocket`; not for TLS, which takes them apart itself. */
  readonly sharesReads: boolean;
  onSocket(socket: Socket): void;
  /** The caps are reached; the socket has to be closed soon. */
  onSurplus(socket: Socket): void;
}

const backlog = 1_024;

/** Accepts sockets within the caps, and knows which are open. */
export class Listener {
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #sockets = new Set<Socket>();
  #target: ListenTarget = "";
  #onEmpty: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { sharesReads } = options;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, pauseOnConnect: sharesReads },
      (socket) => this.#accept(sharesReads ? ServerSocket.takeOver(socket) : socket),
    );
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** `unix:/path` or `tcp:host:port`, with the port that was really bound. */
  get address(): string {
    const bound: AddressInfo | string | null = this.#server.address();
    if (typeof bound === "string") return `unix:${bound}`;
    if (bound === null) return typeof this.#target === "string" ? this.#target : "";
    const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
    return `tcp:${host}:${bound.port}`;
  }

  /** A socket file that a killed server left behind is replaced; that of a living one is not. */
  async listen(target: ListenTarget): Promise<void> {
    this.#target = target;
    if (typeof target !== "string") {
      await this.#bind({ fd: target.descriptor });
      return;
    }
    const address = parseAddress(target);
    if (address.kind !== "unix") {
      await this.#bind({ host: address.host, port: address.port, backlog });
      return;
    }
    const { path } = address;
    try {
      await this.#bind({ path, backlog });
    } catch (error) {
      if (!(await isAbandoned(path, error))) throw error;
      unlinkSync(path);
      await this.#bind({ path, backlog });
    }
  }

  /** Accepts no more. What is open stays so. */
  stop(): void {
    this.#server.close();
  }

  destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when no socket is open. */
  emptied(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #bind(where: Parameters<Server["listen"]>[0] & object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(where, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    const { caps, onSocket, onSurplus } = this.#options;
    const address = socket.remoteAddress ?? "";
    const hasRoom = caps.enter(address);
    this.#sockets.add(socket);
    socket.once("close", () => {
      caps.leave(address);
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
    if (hasRoom) onSocket(socket);
    else onSurplus(socket);
  }
}

/** A socket file that nobody listens on: its server was killed. */
function isAbandoned(path: string, error: unknown): Promise<boolean> {
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.on("error", (failure: NodeJS.ErrnoException) => {
      resolve(failure.code === "ECONNREFUSED");
    });
  });
}
