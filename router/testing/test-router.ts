/** What the router's tests are made of: a router, and gateways that the test plays itself. */
import assert from "node:assert/strict";
import net, { connect, createServer } from "node:net";
import type { TestContext } from "node:test";
import { loadConfig } from "@tandem/libs/config";
import { createHttpServer, type ExchangeHandler, type HttpServer } from "@tandem/libs/http";
import type { Replica, Site, Topology } from "@tandem/libs/service";
import { createTestHouse } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { configSchema } from "../config.ts";
import { run } from "../run.ts";

export interface TestGateway {
  readonly name: string;
  /** Replaces what the gateway does with its requests. */
  handle: ExchangeHandler;
  isReady: boolean;
  /** Takes everything and answers nothing, not even probes. */
  isFrozen: boolean;
  requests: number;
  /** Closes everything at once, as a kill would. */
  kill(): Promise<void>;
  /** Listens again at the same address. */
  revive(): Promise<void>;
}

export interface TestRouter {
  readonly replica: Replica;
  readonly address: string;
  readonly gateways: readonly TestGateway[];
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  gateway(name: string): TestGateway;
  close(): Promise<void>;
}

const world = realWorld();

const routes: Topology["routes"] = [
  { path: "/v1/*", gateway: "ai", replay: "always" },
  { path: "/tandem.v1.Inference/*", gateway: "ai", replay: "always" },
  { path: "/models", methods: ["GET"], gateway: "ai", replay: "always" },
  { path: "/api/v1/*", gateway: "access", replay: "idempotent" },
];

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

export async function startRouter(
  options: {
    readonly ai?: number;
    readonly settings?: Readonly<Record<string, unknown>>;
    /** A listening descriptor that serves as the public door. */
    readonly inheritedDescriptor?: number;
    /** One that serves as the door of gRPC alone. */
    readonly grpcDescriptor?: number;
  } = {},
): Promise<TestRouter> {
  const aiNames = Array.from({ length: options.ai ?? 2 }, (_, at) => `ai/${at + 1}` as const);
  const names = [...aiNames, "access/1"] as const;
  const house = createTestHouse({
    replicas: ["router/1", ...names],
    calls: { router: ["ai", "access"] },
  });
  const gateways = await Promise.all(names.map((name) => startGateway(name, house.site(name))));
  const plain = house.site("router/1", { settings: options.settings ?? {} });
  const site: Site = {
    ...plain,
    inheritedDescriptor: options.inheritedDescriptor,
    grpcDescriptor: options.grpcDescriptor,
    topology: { ...plain.topology, routes },
  };
  const replica = await run(loadConfig(configSchema, site), site);
  await eventually("the router is ready", () => replica.unreadyChecks().length === 0);
  return {
    replica,
    address: replica.address,
    gateways,
    logLines: house.logLines,
    gateway: (name) => {
      const found = gateways.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no gateway ${name}`);
      return found;
    },
    close: async () => {
      await replica.close({ deadlineMs: 200 });
      await Promise.all(gateways.map((gateway) => gateway.kill()));
      house.close();
    },
  };
}

async function startGateway(name: string, site: Site): Promise<TestGateway> {
  let server: HttpServer | undefined;
  const gateway: TestGateway = {
    name: name.replace("/", "-"),
    isReady: true,
    isFrozen: false,
    requests: 0,
    handle: (exchange) => {
      void exchange.readBody(64 * 1024 * 1024).then(
        (body) => exchange.respond(200, [], `${gateway.name} ${body.length}`),
        () => undefined,
      );
    },
    kill: async () => {
      await server?.close({ deadlineMs: 0 });
      server = undefined;
    },
    revive: async () => {
      server = createHttpServer({
        world,
        log: site.log,
        onExchange: (exchange) => {
          if (gateway.isFrozen) return;
          if (exchange.head.path === "/readyz") {
            exchange.respond(gateway.isReady ? 200 : 503, [], "");
            return;
          }
          gateway.requests += 1;
          gateway.handle(exchange);
        },
      });
      await server.listen(site.address);
    },
  };
  await gateway.revive();
  return gateway;
}

/** A router that closes with its test. */
export async function start(
  context: TestContext,
  options: Parameters<typeof startRouter>[0] = {},
): Promise<TestRouter> {
  const router = await startRouter(options);
  context.after(() => router.close());
  return router;
}

/** Everything that comes on a connection until it closes, or until `isEnough`. */
export function rawRequest(
  address: string,
  text: string,
  isEnough: (seen: string) => boolean = () => false,
): Promise<{ text: string; wasReset: boolean }> {
  return new Promise((resolve) => {
    let seen = "";
    let wasReset = false;
    const socket = connect(address.replace("unix:", ""), () => socket.write(text));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      if (isEnough(seen)) socket.destroy();
    });
    socket.on("error", () => {
      wasReset = true;
    });
    socket.on("close", () => resolve({ text: seen, wasReset }));
  });
}

/** A second door on TCP for clients that cannot speak over a Unix socket. */
export async function overTcp(context: TestContext, router: TestRouter): Promise<string> {
  const door = createServer((client) => {
    const inner = connect(router.address.replace("unix:", ""));
    client.pipe(inner).pipe(client);
    for (const socket of [client, inner]) {
      socket.on("error", () => {
        client.destroy();
        inner.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    door.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => door.close());
  const bound = door.address();
  return `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`;
}

interface BoundHandle {
  readonly fd: number;
  getsockname(into: { port?: number }): number;
  close(): void;
}

/** A bound socket that this process does not accept from, as the supervisor holds it. */
export function heldDoor(context?: TestContext): {
  readonly address: string;
  readonly port: number;
  readonly descriptor: number;
} {
  const bind = (
    net as unknown as { _createServerHandle: (...of: unknown[]) => BoundHandle | number }
  )._createServerHandle;
  const handle = bind("127.0.0.1", 0, 4, -1, 0);
  assert.ok(typeof handle === "object");
  context?.after(() => handle.close());
  const name: { port?: number } = {};
  handle.getsockname(name);
  const { port = 0 } = name;
  return { address: `tcp:127.0.0.1:${port}`, port, descriptor: handle.fd };
}
