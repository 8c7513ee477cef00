/**
 * The orders service: plans and credit packs, orders with everything they cost frozen, payments,
 * refunds, statements. Every operation takes the caller's organisation from the signed passport and
 * knows no other. Money is credited once, in the transaction that says it was paid; each further
 * step is an event of the outbox, so it happens whatever dies. All state is in its database:
 * without that it refuses, and the gateway answers reads from its last copies and queues orders.
 */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import {
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import {
  databaseUrlOf,
  implementOutbox,
  tellDatabase,
  tellOutbox,
} from "@tandem/libs/service/database";
import { migrate, openDatabase, startRelay } from "@tandem/libs/store";
import { requirePlatformPermission } from "./authority.ts";
import { buildHandlers } from "./build-handlers.ts";
import type { Config } from "./config.ts";
import { type DeliveryParts, deliver } from "./deliveries.ts";
import type { OrdersParts } from "./parts.ts";
import { createPaymentMetrics } from "./payment-metrics.ts";
import { buildProvider } from "./providers/build-provider.ts";
import { manualProvider } from "./providers/manual.ts";
import { declareProducts } from "./store/configured-products.ts";
import { migrations, type Schema } from "./store/schema.ts";
import { startUpkeep } from "./upkeep.ts";

/** Less than the relay's claim, so that no second relay carries an event while the first may. */
const quotaDeadlineMs = 5_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const { world, log, metrics } = site;
  // First: a provider without its secrets must not have an address for a moment.
  const provider = buildProvider(config, world);
  const lifecycle = createLifecycle(site);
  const poolSize = config.databaseConnections;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);
  await declareProducts(database, config.products);

  const auth = connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" });
  const quota = connectRpc(site, lifecycle, { service: QuotaService, deployable: "quota" });
  // What was paid by hand is paid back by hand, whoever takes the money today.
  const known = [manualProvider(config.payments), ...(provider === undefined ? [] : [provider])];
  const providers = new Map(known.map((one) => [one.name, one]));
  const carried: DeliveryParts = {
    database,
    auth,
    quota: {
      creditOrder: (request) => quota.creditOrder(request, { deadlineMs: quotaDeadlineMs }),
      takeBackCredit: (request) => quota.takeBackCredit(request, { deadlineMs: quotaDeadlineMs }),
    },
    providers,
    wakeRelay: () => relay.wake(),
  };
  const relay = startRelay(database, { world, log, deliver: (event) => deliver(carried, event) });
  lifecycle.defer("outbox", () => relay.close());
  tellOutbox(site, lifecycle, database);
  const parts: OrdersParts = {
    ...{ database, config, log, provider, quota },
    metrics: createPaymentMetrics(metrics),
    wakeRelay: () => relay.wake(),
  };
  startUpkeep(parts, lifecycle);
  return serveRpc(site, lifecycle, [
    buildHandlers(parts),
    implementOutbox(database, {
      authorise: (call) => requirePlatformPermission(call, "events:replay"),
      wake: () => relay.wake(),
    }),
  ]);
}
