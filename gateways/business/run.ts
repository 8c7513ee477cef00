/**
 * The business gateway: the management plane's REST door to what is bought, written and counted:
 * plans, orders, articles, analytics. It checks who calls and what they may do, and asks the
 * services; they check again. Its own fallback: known callers pass for a bounded time while auth is
 * away, reads are answered from their last good copies, new orders are queued on disk and made
 * later, and all of that says so. It shares nothing with the access gateway, so neither notices
 * when the other's domain is gone.
 */
import { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { OutboxService } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import { serveManagement } from "@tandem/libs/gateway";
import {
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
  tellHotStore,
} from "@tandem/libs/service";
import { openHotStore } from "@tandem/libs/store/hot";
import { newId } from "@tandem/libs/world";
import type { Config } from "./config.ts";
import { buildQueue } from "./queue/build-queue.ts";
import { businessRoutes } from "./routes/index.ts";
import type { BusinessServices } from "./routes/services.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  tellHotStore(site, hotStore);
  const orders = connectRpc(site, lifecycle, { service: OrdersService, deployable: "orders" });
  const services: BusinessServices = {
    articles: connectRpc(site, lifecycle, { service: ArticlesService, deployable: "articles" }),
    orders,
    outboxes: {
      orders: connectRpc(site, lifecycle, { service: OutboxService, deployable: "orders" }),
      articles: connectRpc(site, lifecycle, { service: OutboxService, deployable: "articles" }),
    },
    queue: await buildQueue({ site, lifecycle, config, hotStore, orders }),
    queueAfterMs: config.queueAfterMs,
    nowMs: () => world.clock.nowMs(),
    newOrderId: () => newId(world, "ord"),
    analytics: connectRpc(site, lifecycle, { service: AnalyticsService, deployable: "analytics" }),
  };
  return serveManagement({
    ...{ site, lifecycle, config, hotStore, services },
    auth: connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" }),
    routes: businessRoutes,
  });
}
