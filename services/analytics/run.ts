/**
 * The analytics service: what was used, by whom, and what it cost. Facts come from the ledger's own
 * transactions through the quota service's outbox, so they equal it; sums by minute, hour and day
 * are changed in the transaction that writes the facts, so they equal those. Without its database
 * it refuses: facts wait in quota's outbox, and the gateway answers reads from its last copies.
 */
import { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { implement } from "@tandem/libs/rpc";
import {
  createLifecycle,
  type Lifecycle,
  type Replica,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { migrate, openDatabase } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { exportUsage } from "./operations/export-usage.ts";
import { forecastUsage } from "./operations/forecast-usage.ts";
import { queryUsage } from "./operations/query-usage.ts";
import { recordUsage } from "./operations/record-usage.ts";
import { renderPurchases } from "./operations/render-purchases.ts";
import type { AnalyticsParts } from "./parts.ts";
import { forgetOld } from "./store/forget.ts";
import { migrations } from "./store/migrations.ts";
import { SeriesNumbers } from "./store/series-numbers.ts";

const forgetPeriodMs = 3_600_000;
/** A year by the hour over many keys reads some hundred thousand sums. */
const statementTimeoutMs = 8_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<unknown>(databaseUrlOf(site), {
    ...{ world, log, statementTimeoutMs },
    poolSize: config.databaseConnections,
  });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);
  const { minuteDays: minute, hourDays: hour, dayDays: day, factDays: facts } = config;
  const parts: AnalyticsParts = {
    database,
    series: new SeriesNumbers(database),
    retention: { facts, sums: { minute, hour, day } },
    nowMs: () => world.clock.nowMs(),
  };
  forgetByTheHour(site, lifecycle, parts);
  const implementation = implement(AnalyticsService, {
    recordUsage: (request, context) => recordUsage(parts, request, context),
    queryUsage: (request, context) => queryUsage(parts, request, context),
    forecastUsage: (request, context) => forecastUsage(parts, request, context),
    renderPurchases: async (request, context) => renderPurchases(request, context),
    exportUsage: (request, context) => exportUsage(parts, request, context),
  });
  return serveRpc(site, lifecycle, [implementation]);
}

function forgetByTheHour({ world, log }: Site, lifecycle: Lifecycle, parts: AnalyticsParts): void {
  const { database, retention, nowMs } = parts;
  let running: Promise<void> | undefined;
  const timer = world.timers.every(forgetPeriodMs, () => {
    running ??= forgetOld(database, { retention, nowMs: nowMs() })
      .catch((error: unknown) => log.warn("forgetting_failed", { error: String(error) }))
      .finally(() => {
        running = undefined;
      });
  });
  lifecycle.defer("what is too old", () => {
    timer.cancel();
    return running;
  });
}
