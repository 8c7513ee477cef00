import type { Socket } from "node:net";
import { createServer as createTls, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Timer } from "../world/index.ts";
import { ConnectionCaps } from "./connection-caps.ts";
import { ConnectionSet } from "./connection-set.ts";
import { httpFaults } from "./faults.ts";
import { farewell, http2ErrorCodes, isHttp2 } from "./http2-frames.ts";
import { serverLimitsDefault } from "./limits.ts";
import { Listener } from "./listener.ts";
import { NodeServers } from "./node-servers.ts";
import { describeAsProblem, refuseSocket, turnAway } from "./refusal.ts";
import type { HttpServer, HttpServerOptions } from "./server.ts";
import type { HandOver } from "./server-connection.ts";

/** PEM texts. With them the door speaks TLS only; HTTP/2 and HTTP/1.1 by ALPN. */
export interface ServerCertificate {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
}

export interface PublicServerOptions extends HttpServerOptions {
  /** False: everything goes through `node:http` and `node:http2`. */
  readonly fastPath: boolean;
  /** True: whoever speaks HTTP/1.1 here is told that nobody else does. */
  readonly isHttp2Only?: boolean;
  readonly tls?: ServerCertificate | undefined;
  /** Where several ports share them; its own, of `limits`, when absent. */
  readonly caps?: ConnectionCaps;
}

export interface PublicServer extends HttpServer {
  /**
   * Accepts no more, and lets idle connections stay until `close`: whoever sends a request
   * meanwhile is answered, and told that this was the last one. Closing an idle connection at the
   * moment at which its client uses it would cost that client a request. A `close` that comes a
   * second later or more goes on in this way, until connections are as old as idle ones may ever
   * be; one that comes at once is in a hurry.
   */
  announceEnd(): void;
  /** For a `close` that is patient: idle connections end now, others after the answer they are on. */
  hurry(): void;
  /** New connections get this certificate. Only where there was one from the beginning. */
  renewCertificate(certificate: ServerCertificate): void;
}

const patientAfterMs = 1_000;

/**
 * The public door: the same handler behind HTTP/1.1 and HTTP/2. The strict reader serves the common
 * shape of a request; whatever else comes is handed, bytes and all, to Node's own parsers, which
 * have met the odd clients of this world. What they accept is then held to the same rules.
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { world, log, onExchange, fastPath, isHttp2Only = false } = options;
  const limits = { ...serverLimitsDefault, ...options.limits };
  const describe = options.describeRefusal ?? describeAsProblem;
  const servers = new NodeServers({ log, limits, onExchange, describe });
  const handOver = (socket: Socket, bytes: Buffer): void => {
    if (isHttp2Only && isHttp2(bytes) !== true) {
      refuseSocket(socket, httpFaults.http2_only(), describe);
      return;
    }
    socket.unshift(bytes);
    if (isHttp2(bytes) === true) servers.serve2(socket);
    else servers.serve1(socket);
  };
  const strict = new ConnectionSet({ world, log, limits, onExchange, describe, handOver });
  const serve1 = (socket: Socket): void => {
    if (fastPath && !isHttp2Only) strict.add(socket);
    else readFirstBytes(socket, { handOver, timeoutMs: limits.headTimeoutMs });
  };
  const tlsServer = options.tls && listenTls(options.tls, { servers, serve1, isHttp2Only });
  const listener = new Listener({
    caps: options.caps ?? new ConnectionCaps(limits),
    sharesReads: tlsServer === undefined,
    onSocket: (socket) => {
      if (tlsServer === undefined) serve1(socket);
      else tlsServer.emit("connection", socket);
    },
    onSurplus: (socket) => {
      if (isHttp2Only) turnAway2(socket);
      else turnAway(socket, describe);
    },
  });
  let sweeper: Timer | undefined;
  let announcedAtMs = Number.POSITIVE_INFINITY;
  const hurry = (): void => {
    strict.drain();
    servers.drain();
  };
  return {
    hurry,
    listen: async (target) => {
      await listener.listen(target);
      strict.startSweeping();
      sweeper = servers.startSweeping(world);
    },
    get address() {
      return listener.address;
    },
    get connections() {
      return listener.connections;
    },
    announceEnd: () => {
      announcedAtMs = world.clock.monotonicMs();
      listener.stop();
      strict.announceEnd();
      servers.announceEnd();
    },
    close: async ({ deadlineMs }) => {
      listener.stop();
      if (world.clock.monotonicMs() - announcedAtMs < patientAfterMs) hurry();
      const deadline = world.timers.after(deadlineMs, () => listener.destroySockets());
      await listener.emptied();
      deadline.cancel();
      strict.stopSweeping();
      sweeper?.cancel();
    },
    renewCertificate: ({ certificate, key }) =>
      tlsServer?.setSecureContext({ cert: certificate, key }),
  };
}

/** Clients of gRPC call elsewhere, or later, when they are told so in their own protocol. */
function turnAway2(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.write(farewell(http2ErrorCodes.enhanceYourCalm, "too many connections"));
  socket.destroySoon();
}

function listenTls(
  { certificate, key }: ServerCertificate,
  given: {
    readonly servers: NodeServers;
    readonly serve1: (socket: Socket) => void;
    readonly isHttp2Only: boolean;
  },
): TlsServer {
  const { servers, serve1, isHttp2Only } = given;
  const server = createTls(
    {
      cert: certificate,
      key,
      ALPNProtocols: isHttp2Only ? ["h2"] : ["h2", "http/1.1"],
      minVersion: "TLSv1.2",
      handshakeTimeout: serverLimitsDefault.headTimeoutMs,
      allowHalfOpen: true,
    },
    (socket: TLSSocket) => {
      if (socket.alpnProtocol === "h2") servers.serve2(socket);
      else serve1(socket);
    },
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Without the fast path: waits for enough bytes to tell HTTP/2 from HTTP/1.1. */
function readFirstBytes(
  socket: Socket,
  given: { readonly handOver: HandOver; readonly timeoutMs: number },
): void {
  let seen = Buffer.alloc(0);
  const onError = (): void => {
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    if (isHttp2(seen) === undefined) return;
    socket.pause();
    socket.off("data", onData);
    socket.off("end", onError);
    socket.off("error", onError);
    socket.setTimeout(0);
    given.handOver(socket, seen);
  };
  socket.setTimeout(given.timeoutMs, onError);
  socket.on("data", onData);
  socket.on("end", onError);
  socket.on("error", onError);
}
