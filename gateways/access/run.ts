/**
 * The access gateway: the management plane's REST door to people, organisations, keys, limits and
 * money. It checks who calls and what they may do, and asks the services; they check again. Its own
 * fallback: known callers pass for a bounded time while auth is away, reads of people and projects
 * are answered from their last good copies, and both say so; changes are refused at once with 503.
 * It keeps no state that another replica would need but what is in the hot store.
 */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import {
  createIdempotency,
  createRestHandler,
  createRouteTable,
  createStaleAnswers,
  csrfTokenOf,
  faultToProblem,
  problemMediaType,
} from "@tandem/libs/gateway";
import { createHttpServer, type Exchange, type ExchangeHandler } from "@tandem/libs/http";
import { type Fault, parseNanos } from "@tandem/libs/kernel";
import {
  connectRpc,
  createLifecycle,
  type Lifecycle,
  type Replica,
  type Site,
} from "@tandem/libs/service";
import { openHotStore } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { createAuthenticate } from "./authenticate.ts";
import type { Config } from "./config.ts";
import { createIdentities } from "./identities.ts";
import { readManagementApi } from "./management-api.ts";
import { type AccessServices, accessRoutes } from "./routes/index.ts";

const finishDeadlineMs = 30_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log, metrics, keys } = site;
  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  const services = connectServices(config, site, lifecycle);
  const identities = createIdentities({
    auth: services.auth,
    pepper: keys.apiKeyPepper,
    world,
    lifecycle,
    capacity: config.identitiesMax,
    outageMsMax: config.identityOutageMs,
  });
  const handler = createRestHandler({
    table: createRouteTable(accessRoutes),
    services,
    authenticate: createAuthenticate({ identities, csrfTokenOf: services.csrfTokenOf }),
    idempotency: createIdempotency({ store: hotStore, secret: keys.apiKeyPepper, world }),
    stale: createStaleAnswers({
      bytesMax: config.staleBytesMax,
      ageMsMax: config.staleAgeMax,
      monotonicMs: () => world.clock.monotonicMs(),
    }),
    world,
    log,
    metrics,
    component: "access",
    deadlineMs: config.requestDeadlineMs,
    staleAfterMs: config.staleAfterMs,
  });
  const replica = lifecycle.replica(site.address);
  const onExchange = withProbes(handler, replica);
  const describeRefusal = (fault: Fault) => ({
    contentType: problemMediaType,
    body: JSON.stringify(faultToProblem(fault, newId(world, "req"))),
  });
  const server = createHttpServer({ onExchange, world, log, describeRefusal });
  await server.listen(site.address);
  lifecycle.defer("door", (options) => server.close(options), { deadlineMs: finishDeadlineMs });
  return replica;
}

function connectServices(config: Config, site: Site, lifecycle: Lifecycle): AccessServices {
  const { setup } = config;
  const pepper = site.keys.apiKeyPepper;
  return {
    auth: connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" }),
    users: connectRpc(site, lifecycle, { service: UsersService, deployable: "users" }),
    quota: connectRpc(site, lifecycle, { service: QuotaService, deployable: "quota" }),
    monitoring: connectRpc(site, lifecycle, {
      service: MonitoringService,
      deployable: "monitoring",
    }),
    initialCredit: { nanos: parseNanos(setup.initialCredit), currency: setup.currency },
    csrfTokenOf: (token) => csrfTokenOf(pepper, token),
    nowMs: () => site.world.clock.nowMs(),
    openapi: readManagementApi(),
  };
}

/** `/livez` and `/readyz` beside the routes; a gateway that can answer from copies is ready. */
function withProbes(handler: ExchangeHandler, replica: Replica): ExchangeHandler {
  const answer = (exchange: Exchange, unready: readonly string[]): void => {
    const text = unready.length === 0 ? "ok\n" : `waiting for ${unready.join(", ")}\n`;
    const status = unready.length === 0 ? 200 : 503;
    exchange.respond(status, [["content-type", "text/plain"]], text);
  };
  return (exchange) => {
    const { path } = exchange.head;
    if (path === "/livez") answer(exchange, []);
    else if (path === "/readyz") answer(exchange, replica.unreadyChecks());
    else handler(exchange);
  };
}
