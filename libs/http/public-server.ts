import type { Socket } from "node:net";
import { createServer as createTls, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Timer } from "../world/index.ts";
import { ConnectionSet } from "./connection-set.ts";
import { serverLimitsDefault } from "./limits.ts";
import { Listener } from "./listener.ts";
import { NodeServers } from "./node-servers.ts";
import { describeAsProblem, turnAway } from "./refusal.ts";
import type { HttpServer, HttpServerOptions } from "./server.ts";

/** PEM texts. With them the door speaks TLS only; HTTP/2 and HTTP/1.1 by ALPN. */
export interface ServerCertificate {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
}

export interface PublicServerOptions extends HttpServerOptions {
  /** False: everything goes through `node:http` and `node:http2`. */
  readonly fastPath: boolean;
  readonly tls?: ServerCertificate | undefined;
}

export interface PublicServer extends HttpServer {
  /**
   * Accepts no more, and lets idle connections stay until `close`: whoever sends a request
   * meanwhile is answered, and told that this was the last one. Closing an idle connection at the
   * moment at which its client uses it would cost that client a request. A `close` that comes a
   * second later or more goes on in this way; one that comes at once is in a hurry.
   */
  announceEnd(): void;
  /** New connections get this certificate. Only where there was one from the beginning. */
  renewCertificate(certificate: ServerCertificate): void;
}

const patientAfterMs = 1_000;

/** "PRI * HTTP/2.0": the first word of an HTTP/2 client (RFC 9113, 3.4), and no other method. */
const prefaceStart = "PRI ";

/**
 * The public door: the same handler behind HTTP/1.1 and HTTP/2. The strict reader serves the common
 * shape of a request; whatever else comes is handed, bytes and all, to Node's own parsers, which
 * have met the odd clients of this world. What they accept is then held to the same rules.
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { world, log, onExchange, fastPath } = options;
  const limits = { ...serverLimitsDefault, ...options.limits };
  const describe = options.describeRefusal ?? describeAsProblem;
  const servers = new NodeServers({ log, limits, onExchange, describe });
  const handOver = (socket: Socket, bytes: Buffer): void => {
    socket.unshift(bytes);
    if (bytes.toString("latin1", 0, prefaceStart.length) === prefaceStart) servers.serve2(socket);
    else servers.serve1(socket);
  };
  const strict = new ConnectionSet({ world, log, limits, onExchange, describe, handOver });
  const serve1 = (socket: Socket): void => {
    if (fastPath) strict.add(socket);
    else readFirstBytes(socket, handOver);
  };
  const tlsServer = options.tls === undefined ? undefined : listenTls(options.tls, servers, serve1);
  const listener = new Listener({
    limits,
    sharesReads: tlsServer === undefined,
    onSocket: (socket) => {
      if (tlsServer === undefined) serve1(socket);
      else tlsServer.emit("connection", socket);
    },
    onSurplus: (socket) => turnAway(socket, describe),
  });
  let sweeper: Timer | undefined;
  let announcedAtMs = Number.POSITIVE_INFINITY;
  return {
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
      if (world.clock.monotonicMs() - announcedAtMs >= patientAfterMs) strict.leave();
      else strict.drain();
      servers.drain();
      const deadline = world.timers.after(deadlineMs, () => listener.destroySockets());
      await listener.emptied();
      deadline.cancel();
      strict.stopSweeping();
      sweeper?.cancel();
    },
    renewCertificate: ({ certificate, key }) => {
      tlsServer?.setSecureContext({ cert: certificate, key });
    },
  };
}

function listenTls(
  { certificate, key }: ServerCertificate,
  servers: NodeServers,
  serve1: (socket: Socket) => void,
): TlsServer {
  const server = createTls(
    {
      cert: certificate,
      key,
      ALPNProtocols: ["h2", "http/1.1"],
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
function readFirstBytes(socket: Socket, handOver: (socket: Socket, bytes: Buffer) => void): void {
  let seen = Buffer.alloc(0);
  const onError = (): void => {
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const start = seen.toString("latin1", 0, prefaceStart.length);
    if (start.length < prefaceStart.length && prefaceStart.startsWith(start)) return;
    socket.pause();
    socket.off("data", onData);
    socket.off("end", onError);
    socket.off("error", onError);
    socket.setTimeout(0);
    handOver(socket, seen);
  };
  socket.setTimeout(serverLimitsDefault.headTimeoutMs, onError);
  socket.on("data", onData);
  socket.on("end", onError);
  socket.on("error", onError);
}
