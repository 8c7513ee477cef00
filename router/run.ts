/**
 * The router: the one public door. It names every request, finds the gateway that serves its path,
 * picks a replica, and passes bytes both ways without looking into them. It keeps small bodies
 * until the answer began, so that a replica that dies costs nobody an answer, and those of streams
 * together with what was sent, so that another replica goes on; what cannot go on is broken off
 * visibly. It holds no state that another router would need. It fails
 * by refusing: 503 when a gateway is gone for longer than requests can wait, never by hanging.
 */
import {
  ConnectionCaps,
  createHttpServer,
  createPublicServer,
  type ListenTarget,
  type PublicServer,
  type PublicServerOptions,
  type ServerCertificate,
} from "@tandem/libs/http";
import { createLifecycle, type Lifecycle, type Replica, type Site } from "@tandem/libs/service";
import { type CertificateFiles, openCertificate } from "./certificate.ts";
import type { Config } from "./config.ts";
import { parseOrigins } from "./core/cross-origin.ts";
import { RouteTable } from "./core/route-table.ts";
import { createGrpcPages } from "./grpc/grpc-pages.ts";
import { createOwnPages, type OwnPages } from "./own-pages.ts";
import { createAccountant } from "./phases/account.ts";
import { describeRefusal } from "./phases/answer-fault.ts";
import { parseTrustedProxies } from "./phases/client-address.ts";
import { createDateField } from "./phases/request-fields.ts";
import { GatewayPool } from "./pool/gateway-pool.ts";
import { createRequestHandler, type RequestHandler } from "./request-handler.ts";
import type { RouterParts } from "./router-parts.ts";

/** What answers and streams under way get to finish at most, in milliseconds. */
const finishDeadlineMs = 600_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log, metrics } = site;
  const certificate = openCertificate(config.tls);
  const pools = openPools(config, site, lifecycle);
  const replica = lifecycle.replica(site.address);
  const accountant = createAccountant({ config, world, log, metrics });
  lifecycle.defer("counters", () => accountant.stop());
  const pages = createOwnPages({
    tellTallies: () =>
      [...pools.values()].flatMap(({ replicas }) =>
        replicas.map(({ name, tally }) => ({ name, ...tally.figures() })),
      ),
    unreadyChecks: () => replica.unreadyChecks(),
    exposeMetrics: () => {
      accountant.flush();
      return metrics.expose();
    },
  });
  const grpcPages = createGrpcPages({
    world,
    isServing: () => replica.unreadyChecks().length === 0 && pools.get("ai")?.isRouted() === true,
  });
  lifecycle.defer("health watches", () => grpcPages.stop());
  const parts: RouterParts = {
    config,
    world,
    log,
    forwarding: {
      trusted: parseTrustedProxies(config.trustedProxies),
      isTls: certificate !== undefined,
    },
    crossOrigin: parseOrigins(config.corsOrigins),
    dateField: createDateField(() => world.clock.nowMs()),
  };
  const handler = createRequestHandler({
    parts,
    table: new RouteTable(site.topology.routes),
    pools,
    accountant,
    pages,
    grpcPages,
  });
  lifecycle.defer("request deadlines", () => handler.stop());
  const servers = await openClientDoors({ config, site, handler, tls: certificate?.current });
  // The held sockets stay open: the other routers accept what comes.
  if (site.inheritedDescriptor !== undefined) {
    lifecycle.onDrain(() => {
      for (const server of servers) server.announceEnd();
    });
  }
  lifecycle.defer(
    "client doors",
    async (options) => void (await Promise.all(servers.map((server) => server.close(options)))),
    {
      deadlineMs: finishDeadlineMs,
      hurry: () => {
        for (const server of servers) server.hurry();
      },
    },
  );
  if (certificate !== undefined) followCertificate(certificate, { site, lifecycle, servers });
  if (site.inheritedDescriptor !== undefined) await openOwnDoor({ site, lifecycle, pages });
  return replica;
}

/** A pool for each gateway that has a route. Ready once each of them was reachable. */
function openPools(
  config: Config,
  site: Site,
  lifecycle: Lifecycle,
): ReadonlyMap<string, GatewayPool> {
  const { world, log, topology } = site;
  const pools = new Map<string, GatewayPool>();
  for (const gateway of new Set(topology.routes.map((route) => route.gateway))) {
    const addresses = site.addressesOf(gateway);
    const pool = new GatewayPool({ ...config, gateway, addresses, world, log });
    pools.set(gateway, pool);
    site.onMembersChange?.(() =>
      pool.setReplicas(site.addressesOf(gateway), (name) => site.weightOf?.(name) ?? 1),
    );
    lifecycle.defer(`${gateway} connections`, () => pool.close());
    lifecycle.check(`gateway ${gateway}`, () => pool.hasBeenRouted());
  }
  // Later one gateway may be gone without taking the other one's traffic along.
  lifecycle.check("any gateway", () => [...pools.values()].some((pool) => pool.isRouted()));
  return pools;
}

/** The public door, and that of gRPC alone where there is one: under the same limits. */
async function openClientDoors(given: {
  readonly config: Config;
  readonly site: Site;
  readonly handler: RequestHandler;
  readonly tls: ServerCertificate | undefined;
}): Promise<readonly PublicServer[]> {
  const { config, site, handler, tls } = given;
  const { world, log, address, inheritedDescriptor, grpcDescriptor } = site;
  const caps = new ConnectionCaps({
    connections: config.connectionsMax,
    connectionsPerAddress: config.connectionsPerAddressMax,
  });
  const { fastPath } = config;
  const shared = { world, log, describeRefusal, fastPath, tls, caps };
  const open = async (
    target: ListenTarget,
    own: Pick<PublicServerOptions, "onExchange" | "isHttp2Only">,
  ): Promise<PublicServer> => {
    const server = createPublicServer({ ...shared, ...own });
    await server.listen(target);
    return server;
  };
  const held = inheritedDescriptor === undefined ? address : { descriptor: inheritedDescriptor };
  const servers = [await open(held, { onExchange: handler.handle })];
  if (grpcDescriptor !== undefined) {
    const own = { onExchange: handler.handleGrpc, isHttp2Only: true };
    servers.push(await open({ descriptor: grpcDescriptor }, own));
  }
  return servers;
}

/** New files are taken over while everything serves; when they end is told. */
function followCertificate(
  certificate: CertificateFiles,
  given: {
    readonly site: Site;
    readonly lifecycle: Lifecycle;
    readonly servers: readonly PublicServer[];
  },
): void {
  const { site, lifecycle, servers } = given;
  const { world, log, metrics } = site;
  metrics
    .gauge({
      name: "tandem_certificate_end_timestamp_seconds",
      help: "When the certificate of the public door ends.",
      isTold: true,
    })
    .follow(() => certificate.endsAtSeconds());
  const onChange = (pem: ServerCertificate): void => {
    for (const server of servers) server.renewCertificate(pem);
  };
  const watch = certificate.watch({ world, log, onChange });
  lifecycle.defer("certificate", () => watch.cancel());
}

/** Where probes and the platform's own parts ask, beside the public door. */
async function openOwnDoor(given: {
  readonly site: Site;
  readonly lifecycle: Lifecycle;
  readonly pages: OwnPages;
}): Promise<void> {
  const { site, lifecycle, pages } = given;
  const { world, log, address } = site;
  const server = createHttpServer({ onExchange: pages.answerOwn, world, log });
  await server.listen(address);
  lifecycle.defer("own door", (options) => server.close(options), { deadlineMs: 1_000 });
}
