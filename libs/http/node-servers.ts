import type { IncomingMessage, Server, ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { Fault } from "../kernel/index.ts";
import type { Log } from "../telemetry/index.ts";
import type { Timer, World } from "../world/index.ts";
import type { ExchangeHandler } from "./contract.ts";
import { httpFaults, type Refusal } from "./faults.ts";
import type { ServerLimits } from "./limits.ts";
import {
  endWith,
  NodeExchange,
  type NodeExchangePort,
  type NodeResponse,
} from "./node-exchange.ts";
import { type NodeRequest, nodeRequestHead } from "./node-heads.ts";
import { nodeHttp } from "./node-http.ts";
import { type DescribeRefusal, refusalHead } from "./refusal.ts";
import { SessionGuard } from "./session-guard.ts";
import { UpgradeExchange } from "./upgrade-exchange.ts";

export interface NodeServersOptions {
  readonly log: Log;
  readonly limits: ServerLimits;
  readonly onExchange: ExchangeHandler;
  readonly describe: DescribeRefusal;
}

const sweepMs = 250;
/** RFC 9113, 6.5.2. Node's own default is unlimited. */
const concurrentStreamsMax = 100;

type PortExtras = "awaitsContinue" | "bodyArrived";

function isWebSocketOffer({ method, headers }: IncomingMessage): boolean {
  const { upgrade = "" } = headers;
  return method === "GET" && /(^|,)\s*websocket\s*(,|$)/i.test(upgrade);
}

/** A request over HTTP/2 may be of a protocol that has errors of its own. */
function askedAs({ httpVersionMajor, headers }: NodeRequest): string | undefined {
  return httpVersionMajor === 2 ? headers["content-type"] : undefined;
}

interface UnreadError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
}

/** A request line that is well, of a method that Node's parser has not heard of. */
const unknownMethod = /^[A-Z][A-Z-]{0,30} [!-~]+ HTTP\/1\.[01]\r\n/;

/** What Node's parser says, in our words. The rest of its errors are malformed heads. */
const refusalByCode: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: "head_too_large",
  HPE_INVALID_CHUNK_SIZE: "bad_chunk",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "bad_chunk",
  HPE_INVALID_CONTENT_LENGTH: "bad_framing",
  HPE_UNEXPECTED_CONTENT_LENGTH: "bad_framing",
  HPE_INVALID_TRANSFER_ENCODING: "bad_framing",
  CONNECT: "unsupported_method",
  HPE_INVALID_METHOD: "bad_request_line",
  HPE_INVALID_VERSION: "unsupported_version",
  HPE_INVALID_URL: "bad_target",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

/**
 * Node's own servers, without ports of theirs: they are given sockets. They surface the same
 * exchanges as the strict server, after the same checks.
 */
export class NodeServers {
  readonly #options: NodeServersOptions;
  readonly #http1: Server;
  readonly #http2: Http2Server;
  /** Sessions that may still get streams; their guards stay until the connection has ended. */
  readonly #sessions = new Map<Http2Session, SessionGuard>();
  readonly #guards = new Set<SessionGuard>();
  readonly #exchanges = new Set<{ exchange: NodeExchange; request: NodeRequest }>();
  /** HTTP/1.1 sockets that were given their last answer; what they still hold is not read. */
  readonly #closing = new WeakSet<Socket>();
  readonly #upgrades = new Set<UpgradeExchange>();
  #isDraining = false;
  #watchesHeads = false;
  #world: World | undefined;
  #sweeper: Timer | undefined;

  constructor(options: NodeServersOptions) {
    this.#options = options;
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#createHttp2();
  }

  /** Takes a socket, with any bytes that were put back into it, for HTTP/1.x. */
  serve1(socket: Socket): void {
    // A server that never listens by itself has to be told to start watching its heads.
    if (!this.#watchesHeads) this.#http1.emit("listening");
    this.#watchesHeads = true;
    this.#http1.emit("connection", socket);
    socket.resume();
  }

  /** The same for HTTP/2. */
  serve2(socket: Socket): void {
    const { idleTimeoutMs: idleMs } = this.#options.limits;
    this.#http2.once("session", (session) => {
      const max = { streams: concurrentStreamsMax, idleMs };
      const guard = new SessionGuard(session, socket, max);
      this.#guards.add(guard);
      this.#lookAfter();
      socket.once("close", () => this.#guards.delete(guard));
      this.#sessions.set(session, guard);
      // Sockets stay half open for HTTP/1.1, and Node's session waits for more behind an end; but
      // nothing of HTTP/2 works one way: its client has gone, with all that it asked for.
      socket.once("end", () => session.destroy());
    });
    this.#http2.emit("connection", socket);
  }

  /** What is there is looked at until the timer that this gives is cancelled. */
  startSweeping(world: World): Timer {
    this.#world = world;
    return {
      cancel: () => {
        this.#world = undefined;
        this.#stopSweeping();
      },
    };
  }

  /** Some times a second, for as long as there is something: mostly there is nothing. */
  #lookAfter(): void {
    const world = this.#world;
    if (world === undefined || this.#sweeper !== undefined) return;
    let sweptAtMs = world.clock.monotonicMs();
    this.#sweeper = world.timers.every(sweepMs, () => {
      const nowMs = world.clock.monotonicMs();
      for (const guard of this.#guards) guard.sweep(nowMs - sweptAtMs);
      for (const { exchange, request } of this.#exchanges) {
        if (exchange.isOverdue(nowMs - sweptAtMs)) this.#timeOut(exchange, request);
      }
      for (const upgrade of this.#upgrades) {
        if (upgrade.isOverdue(nowMs - sweptAtMs)) upgrade.timeOut();
      }
      sweptAtMs = nowMs;
      const left = this.#guards.size + this.#exchanges.size + this.#upgrades.size;
      if (left === 0) this.#stopSweeping();
    });
  }

  #stopSweeping(): void {
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
  }

  /** HTTP/2 clients are told to open no more streams; those of HTTP/1.1 with their next answer. */
  announceEnd(): void {
    this.#isDraining = true;
    for (const upgrade of this.#upgrades) upgrade.drain();
    for (const session of this.#sessions.keys()) session.close();
  }

  drain(): void {
    this.announceEnd();
    this.#http1.close();
  }

  #timeOut(exchange: NodeExchange, request: NodeRequest): void {
    if (exchange.hasAnswerStarted) {
      request.socket.destroy();
      return;
    }
    const fault = httpFaults.request_timeout();
    const { contentType, body, fields } = this.#options.describe(fault, askedAs(request));
    const status = fields === undefined ? fault.httpStatus : 200;
    exchange.closeAfterAnswer();
    exchange.waiveBody();
    exchange.respond(status, [["content-type", contentType], ...(fields ?? [])], body);
  }

  #createHttp1(): Server {
    const { limits } = this.#options;
    const server = nodeHttp.createServer({
      maxHeaderSize: limits.headBytes,
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: sweepMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      noDelay: true,
      // Whoever offers another protocol is answered in HTTP, as RFC 9110 (7.8) lets us.
      shouldUpgradeCallback: isWebSocketOffer,
    });
    // 0: count all. Node would otherwise drop surplus fields silently; ours are refused.
    server.maxHeadersCount = 0;
    server.maxRequestsPerSocket = limits.requestsPerConnection;
    server.on("request", (request, response) => this.#begin(request, response, {}));
    server.on("checkContinue", (request, response) => {
      this.#begin(request, response, { awaitsContinue: true });
    });
    server.on("checkExpectation", (_request, response: ServerResponse) => {
      this.#refuse(response, "expectation_failed");
    });
    server.on("upgrade", (request, socket, first) => {
      this.#upgrade(request, socket as Socket, first);
    });
    server.on("connect", (_request, socket) => this.#refuseSocket(socket as Socket, "CONNECT"));
    server.on("clientError", (error: UnreadError, socket) => {
      const isMethod = unknownMethod.test(error.rawPacket?.toString("latin1") ?? "");
      const isUnknown = error.code === "HPE_INVALID_METHOD" && isMethod;
      this.#refuseSocket(socket as Socket, isUnknown ? "CONNECT" : (error.code ?? ""));
    });
    return server;
  }

  #createHttp2(): Http2Server {
    const { limits } = this.#options;
    const server = createHttp2({
      settings: {
        maxConcurrentStreams: concurrentStreamsMax,
        maxHeaderListSize: limits.headBytes,
        enablePush: false,
      },
      maxSessionMemory: 8,
      maxSessionInvalidFrames: 50,
      maxSessionRejectedStreams: 50,
      maxHeaderListPairs: limits.fields + 4,
    });
    server.on("session", (session) => {
      session.on("error", () => session.destroy());
      session.on("close", () => this.#sessions.delete(session));
      if (this.#isDraining) session.close();
    });
    const begin = (
      request: Http2ServerRequest,
      response: Http2ServerResponse,
      awaitsContinue: boolean,
    ): void => {
      // One that was reset before it was looked at has nobody left to answer.
      const { session, destroyed } = request.stream;
      const guard = session && this.#sessions.get(session);
      if (destroyed || guard === undefined) return;
      this.#begin(request, response, { awaitsContinue, bodyArrived: guard.bodyArrived });
    };
    server.on("request", (request, response) => begin(request, response, false));
    server.on("checkContinue", (request, response) => begin(request, response, true));
    server.on("sessionError", () => undefined);
    return server;
  }

  #begin(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    { awaitsContinue = false, bodyArrived }: Pick<Partial<NodeExchangePort>, PortExtras>,
  ): void {
    const { limits, onExchange, log, describe } = this.#options;
    const { socket } = request;
    if (this.#closing.has(socket)) return;
    const head = nodeRequestHead(request, limits);
    if (typeof head === "string") {
      this.#refuse(response, head);
      return;
    }
    const port: NodeExchangePort = {
      request,
      response,
      limits,
      awaitsContinue,
      bodyArrived,
      isDraining: () => this.#isDraining,
      isLast: () => this.#closing.add(socket),
    };
    const exchange = new NodeExchange(head, port);
    const entry = { exchange, request };
    this.#exchanges.add(entry);
    this.#lookAfter();
    response.on("close", () => this.#exchanges.delete(entry));
    try {
      onExchange(exchange);
    } catch (error) {
      const fault = Fault.from(error);
      log.error("exchange_handler_threw", { reason: fault.reason, detail: fault.detail });
      const { contentType, body } = describe(fault);
      if (exchange.hasAnswerStarted) exchange.cut();
      else exchange.respond(fault.httpStatus, [["content-type", contentType]], body);
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, first: Buffer): void {
    const { limits, onExchange, log, describe } = this.#options;
    if (this.#closing.has(socket)) return;
    socket.on("error", () => socket.destroy());
    const head = nodeRequestHead(request, limits);
    if (typeof head === "string") {
      const fault = httpFaults[head]();
      const described = describe(fault);
      socket.write(refusalHead(fault, described) + described.body);
      socket.destroySoon();
      return;
    }
    const exchange = new UpgradeExchange(head, { socket, first, limits });
    this.#upgrades.add(exchange);
    this.#lookAfter();
    socket.on("close", () => this.#upgrades.delete(exchange));
    try {
      onExchange(exchange);
    } catch (error) {
      log.error("exchange_handler_threw", { detail: Fault.from(error).message });
      exchange.cut();
    }
  }

  /** Refuses a request that was read; on HTTP/1.1 its connection closes. */
  #refuse(response: NodeResponse, refusal: Refusal): void {
    const fault = httpFaults[refusal]();
    const { contentType, body, fields } = this.#options.describe(fault, askedAs(response.req));
    response.statusCode = fields === undefined ? fault.httpStatus : 200;
    response.setHeader("content-type", contentType);
    for (const [name, value] of fields ?? []) response.setHeader(name, value);
    if (response.req.httpVersionMajor === 1) {
      response.setHeader("connection", "close");
      this.#closing.add(response.req.socket);
    }
    endWith(response, body);
  }

  /** Refuses what could not be read as a request. */
  #refuseSocket(socket: Socket, code: string): void {
    if (this.#closing.has(socket)) return;
    if (!socket.writable || code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const refusal = refusalByCode[code] ?? "bad_field";
    const fault = httpFaults[refusal]();
    const described = this.#options.describe(fault);
    socket.on("error", () => socket.destroy());
    socket.write(refusalHead(fault, described) + described.body);
    socket.destroySoon();
  }
}
