import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Replica, readTopology, type Site, type StartReplica } from "@tandem/libs/service";
import {
  createTestHouse,
  type HttpAnswer,
  httpRequest,
  startTestPostgres,
  type TestHouse,
  type TestPostgres,
} from "@tandem/libs/testing";
import { start as startAccess } from "../../gateways/access/main.ts";
import { start as startBusiness } from "../../gateways/business/main.ts";
import { start as startAnalytics } from "../../services/analytics/main.ts";
import { start as startArticles } from "../../services/articles/main.ts";
import { start as startAuth } from "../../services/auth/main.ts";
import { start as startMonitoring } from "../../services/monitoring/main.ts";
import { start as startOrders } from "../../services/orders/main.ts";
import { start as startQuota } from "../../services/quota/main.ts";
import { start as startUsers } from "../../services/users/main.ts";

export const setupToken = "the-setup-token-of-this-house";

const services = [
  "auth",
  "users",
  "quota",
  "monitoring",
  "orders",
  "articles",
  "analytics",
] as const;
type Service = (typeof services)[number];

type Settings = Readonly<Record<string, unknown>>;

export interface Ask {
  readonly method?: string;
  readonly path: string;
  /** An API key; nothing is sent for an empty one. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Buffer;
}

/** The access and business domains as they run, mounted in one process on one real PostgreSQL. */
export interface AccessHouse {
  readonly postgres: TestPostgres;
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  /** To the first gateway of the path's domain, or another one. */
  ask(ask: Ask, gateway?: 1 | 2): Promise<HttpAnswer>;
  /** Asks and gives the JSON object of an answer that must have this status. */
  expect(status: number, ask: Ask, gateway?: 1 | 2): Promise<Record<string, unknown>>;
  /** Ends all replicas of a service, as if both had been killed. */
  stop(service: Service): Promise<void>;
  restart(service: Service): Promise<void>;
  /** Puts something in the place of both replicas that takes calls and never answers. */
  hang(service: Service): Promise<void>;
  /** Restarts a service with these settings. */
  reconfigure(service: Service, settings: Settings): Promise<void>;
  close(): Promise<void>;
}

const starters: Readonly<Record<Service, StartReplica>> = {
  auth: startAuth,
  users: startUsers,
  quota: startQuota,
  monitoring: startMonitoring,
  orders: startOrders,
  articles: startArticles,
  analytics: startAnalytics,
};

/** As the default topology routes them. */
const topologyFile = join(import.meta.dirname, "../../topology/tandem.json");
const businessRoutes = readTopology(topologyFile).routes.filter(
  ({ gateway }) => gateway === "business",
);

function isBusiness(path: string): boolean {
  const [place = ""] = path.split("?");
  return businessRoutes.some(({ path: pattern }) =>
    pattern.endsWith("/*") ? place.startsWith(pattern.slice(0, -1)) : place === pattern,
  );
}

export async function openAccessHouse(settings: Settings = {}): Promise<AccessHouse> {
  const house = createTestHouse({
    replicas: [
      ...services.flatMap((name) => [`${name}/1`, `${name}/2`] as const),
      ...(["access/1", "access/2", "business/1", "business/2"] as const),
    ],
    calls: {
      access: ["auth", "users", "quota", "monitoring"],
      business: ["auth", "orders", "articles", "analytics", "monitoring"],
      articles: ["auth", "engine", "monitoring"],
      orders: ["auth", "quota", "monitoring"],
      auth: ["users", "monitoring"],
      users: ["auth", "monitoring"],
      quota: ["analytics", "monitoring"],
    },
  });
  const postgres = await startTestPostgres();
  const running = await startServices(house, postgres);
  // As on one machine: what one replica answered the other can give again.
  const hot = mkdtempSync(join(tmpdir(), "tandem-hot-"));
  const sitesOf = (name: "access" | "business"): readonly Site[] =>
    ([1, 2] as const).map((number) =>
      house.site(`${name}/${number}`, { settings, hotStoreUrl: `lmdb:${hot}` }),
    );
  const [accessSites, businessSites] = [sitesOf("access"), sitesOf("business")];
  const gateways = [
    ...(await Promise.all(accessSites.map(startAccess))),
    ...(await Promise.all(businessSites.map(startBusiness))),
  ];

  const ask: AccessHouse["ask"] = ({ key = "", headers = {}, ...rest }, gateway = 1) =>
    httpRequest((isBusiness(rest.path) ? businessSites : accessSites)[gateway - 1]?.address ?? "", {
      headers: { ...(key === "" ? {} : { authorization: `Bearer ${key}` }), ...headers },
      ...rest,
    });
  return {
    postgres,
    logLines: house.logLines,
    ask,
    async expect(status, given, gateway) {
      const answer = await ask(given, gateway);
      if (answer.status !== status) {
        throw new Error(`${given.method ?? "GET"} ${given.path}: ${answer.status} ${answer.text}`);
      }
      return (answer.json ?? {}) as Record<string, unknown>;
    },
    stop: running.stop,
    restart: running.restart,
    hang: running.hang,
    reconfigure: running.reconfigure,
    async close() {
      for (const gateway of gateways) await gateway.close({ deadlineMs: 1_000 });
      await Promise.all(services.map(running.stop));
      await postgres.stop();
      house.close();
      rmSync(hot, { recursive: true, force: true });
    },
  };
}

type Running = Pick<AccessHouse, "stop" | "restart" | "hang" | "reconfigure">;

/** Both replicas of every service, each on a database of its own. */
async function startServices(house: TestHouse, postgres: TestPostgres): Promise<Running> {
  const sites = new Map<Service, readonly Site[]>();
  const replicas = new Map<Service, readonly Replica[]>();
  const databases = new Map<Service, string>();
  const settle = (name: Service, own: Settings = {}): void => {
    const databaseUrl = databases.get(name) ?? "";
    const given = { databaseUrl, settings: name === "auth" ? { setupToken, ...own } : own };
    sites.set(name, [house.site(`${name}/1`, given), house.site(`${name}/2`, given)]);
  };
  const restart = async (name: Service): Promise<void> => {
    await silence.end(name);
    replicas.set(name, await Promise.all((sites.get(name) ?? []).map(starters[name])));
  };
  const silence = createSilence((name) => (sites.get(name) ?? []).map(({ address }) => address));
  const stop = async (name: Service): Promise<void> => {
    await silence.end(name);
    for (const replica of replicas.get(name) ?? []) await replica.close({ deadlineMs: 500 });
    replicas.set(name, []);
  };
  for (const name of services) {
    databases.set(name, await postgres.createDatabase());
    settle(name);
  }
  await Promise.all(services.map(restart));
  return {
    stop,
    restart,
    async hang(name) {
      await stop(name);
      await silence.begin(name);
    },
    async reconfigure(name, own) {
      await stop(name);
      settle(name, own);
      await restart(name);
    },
  };
}

/** Listens where services should, takes what comes, and says nothing. */
function createSilence(addressesOf: (name: Service) => readonly string[]) {
  const servers = new Map<Service, readonly Server[]>();
  const sockets = new Set<Socket>();
  return {
    async begin(name: Service): Promise<void> {
      const opened = addressesOf(name).map((address) => {
        const server = createServer((socket) => {
          sockets.add(socket);
          socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
          socket.resume();
        });
        return server.listen(address.replace(/^unix:/, ""));
      });
      servers.set(name, opened);
      await Promise.all(opened.map((server) => once(server, "listening")));
    },
    async end(name: Service): Promise<void> {
      for (const server of servers.get(name) ?? []) {
        const closed = once(server, "close");
        server.close();
        for (const socket of sockets) socket.destroy();
        await closed;
      }
      servers.delete(name);
    },
  };
}

/** Sets the house up; everything of the first organisation. */
export async function setUp(house: AccessHouse): Promise<{
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly adminKey: string;
  readonly inferenceKey: string;
}> {
  const made = await house.expect(201, {
    method: "POST",
    path: "/api/v1/setup",
    body: {
      token: setupToken,
      organisation_name: "Example",
      email: "owner@example.com",
      password: ownerPassword,
    },
  });
  return {
    organisationId: String(made["organisation_id"]),
    projectId: String(made["project_id"]),
    userId: String(made["user_id"]),
    adminKey: String(made["admin_key"]),
    inferenceKey: String(made["inference_key"]),
  };
}

export const ownerPassword = "correct horse battery";
