/** What the tests of this lib share: servers that close themselves, and bytes on bare sockets. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createLog } from "../../telemetry/index.ts";
import { realWorld } from "../../world/index.ts";
import { parseAddress } from "../address.ts";
import { createClientPool } from "../client-pool.ts";
import type { AttemptFailure, ClientPool, ClientRequest, ExchangeHandler } from "../contract.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../server.ts";

export const world = realWorld();
export const logLines: string[] = [];
export const log = createLog({ level: "debug", fields: {}, write: (line) => logLines.push(line) });

/** A socket path in a folder of its own, gone after the test. */
export function socketAddress(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tandem-http-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return `unix:${join(folder, "server.sock")}`;
}

/** A strict server on a Unix socket. */
export async function serve(
  context: TestContext,
  onExchange: ExchangeHandler,
  limits: HttpServerOptions["limits"] & object = {},
): Promise<HttpServer> {
  const server = createHttpServer({ onExchange, world, log, limits });
  await server.listen(socketAddress(context));
  context.after(() => server.close({ deadlineMs: 0 }));
  return server;
}

export function open(address: string): Socket {
  const parsed = parseAddress(address);
  const socket = parsed.kind === "unix" ? connect(parsed.path) : connect(parsed.port, parsed.host);
  return socket.on("error", () => undefined);
}

/** Sends these bytes and gives everything that comes until the connection closes. */
export function converse(
  address: string,
  text: string,
  isEnough: (seen: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve) => {
    let seen = "";
    const socket = open(address);
    socket.write(Buffer.from(text, "latin1"));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      if (isEnough(seen)) socket.destroy();
    });
    socket.on("close", () => resolve(seen));
  });
}

/** Resolves when `isTrue`, looked at every few milliseconds; rejects after five seconds. */
export async function eventually(what: string, isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Resolves when `measure` gives the same, above 0, for 50 ms. */
export async function settled(what: string, measure: () => number): Promise<number> {
  let before = -1;
  let sinceMs = 0;
  await eventually(`${what} settles`, () => {
    const now = measure();
    if (now !== before || now === 0) sinceMs = performance.now();
    before = now;
    return performance.now() - sinceMs > 50;
  });
  return before;
}

export interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A failed attempt as an error that can be matched. */
export class FailedAttempt extends Error {
  readonly failure: AttemptFailure;

  constructor(failure: AttemptFailure) {
    super(failure.error.message);
    this.failure = failure;
  }
}

/** One call through a pool, whole. */
export function callOnce(pool: ClientPool, request: Partial<ClientRequest>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let fields: Record<string, string> = {};
    const chunks: Buffer[] = [];
    pool.send(
      { method: "GET", target: "/", headers: [], ...request },
      {
        onHead: (head) => {
          status = head.status;
          fields = Object.fromEntries(head.headers.entries());
        },
        onChunk: (chunk) => chunks.push(chunk),
        onEnd: () => resolve({ status, fields, body: Buffer.concat(chunks).toString("latin1") }),
        onFailure: (failure) => reject(new FailedAttempt(failure)),
      },
    );
  });
}

/** A server that answers each request it sees with what `reply` does. */
export async function bareServer(
  context: TestContext,
  reply: (socket: Socket, request: string) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => reply(socket, chunk.toString("latin1")));
  });
  const address = socketAddress(context);
  await new Promise<void>((resolve) => {
    server.listen(address.slice("unix:".length), resolve);
  });
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return address;
}

export function openPool(
  context: TestContext,
  address: string,
  limits: Parameters<typeof createClientPool>[0]["limits"] & object = {},
): ClientPool {
  const pool = createClientPool({ address, world, limits });
  context.after(() => pool.close());
  return pool;
}

export async function failureOf(
  call: Promise<unknown>,
): Promise<AttemptFailure & { reason: string }> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof FailedAttempt);
    const { failure } = error;
    return { ...failure, reason: (failure.error as { reason?: string }).reason ?? "" };
  }
  throw new Error("the call did not fail");
}
