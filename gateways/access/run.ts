/**
 * The access gateway: the management plane's REST door to people, organisations, keys, limits and
 * money. It checks who calls and what they may do, and asks the services; they check again. Its own
 * fallback: known callers pass for a bounded time while auth is away, reads of people and projects
 * are answered from their last good copies, and both say so; changes are refused at once with 503.
 * It keeps no state that another replica would need but what is in the hot store.
 */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { OutboxService } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { csrfTokenOf, serveManagement } from "@tandem/libs/gateway";
import { parseNanos } from "@tandem/libs/kernel";
import {
  connectRpc,
  createLifecycle,
  type Lifecycle,
  type Replica,
  type Site,
  tellHotStore,
} from "@tandem/libs/service";
import { openHotStore } from "@tandem/libs/store/hot";
import type { Config } from "./config.ts";
import { readManagementApi } from "./management-api.ts";
import { type AccessServices, accessRoutes } from "./routes/index.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  tellHotStore(site, hotStore);
  const services = connectServices(config, site, lifecycle);
  return serveManagement({
    ...{ site, lifecycle, config, hotStore, services },
    auth: services.auth,
    routes: accessRoutes,
  });
}

function connectServices(config: Config, site: Site, lifecycle: Lifecycle): AccessServices {
  const { setup } = config;
  const pepper = site.keys.apiKeyPepper;
  return {
    auth: connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" }),
    users: connectRpc(site, lifecycle, { service: UsersService, deployable: "users" }),
    quota: connectRpc(site, lifecycle, { service: QuotaService, deployable: "quota" }),
    outboxes: {
      users: connectRpc(site, lifecycle, { service: OutboxService, deployable: "users" }),
      quota: connectRpc(site, lifecycle, { service: OutboxService, deployable: "quota" }),
    },
    monitoring: connectRpc(site, lifecycle, {
      service: MonitoringService,
      deployable: "monitoring",
    }),
    initialCredit: { nanos: parseNanos(setup.initialCredit), currency: setup.currency },
    csrfTokenOf: (token) => csrfTokenOf(pepper, token),
    consolePath: config.consolePath,
    nowMs: () => site.world.clock.nowMs(),
    openapi: readManagementApi(),
  };
}
