/**
 * The monitoring service: what every replica says of itself, one verdict from it, and what became
 * of each request. Its replicas need no leader: processes tell all of them their samples, and
 * records go to one database. It fails soft: without the database recent requests are answered from
 * memory, and nobody's request waits for it.
 */
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { Fault } from "@tandem/libs/kernel";
import { implement } from "@tandem/libs/rpc";
import {
  createLifecycle,
  type Lifecycle,
  type Replica,
  type Site,
  serveRpc,
  type Topology,
} from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { type Database, migrate, openDatabase } from "@tandem/libs/store";
import { sleep } from "@tandem/libs/world";
import { alertsPage } from "./alerts-page.ts";
import { buildAlerts } from "./build-alerts.ts";
import type { Config } from "./config.ts";
import { exposeFigures } from "./operations/expose-figures.ts";
import { getRequest } from "./operations/get-request.ts";
import { getTopology } from "./operations/get-topology.ts";
import { listAlerts, listIncidents } from "./operations/list-alerts.ts";
import { listRequests } from "./operations/list-requests.ts";
import { createRequestRecorder } from "./operations/record-requests.ts";
import { reportSamples, type SampleBoard } from "./operations/report-samples.ts";
import { migrations, type Schema } from "./store/migrations.ts";
import { createRequestStore } from "./store/request-store.ts";

const pruningPeriodMs = 600_000;
const schemaPauseMs = 500;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize: 4 });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await prepareSchema(site, lifecycle, database);

  const store = createRequestStore(database);
  const pruning = world.timers.every(pruningPeriodMs, () => {
    store
      .deleteOlderThan(config.retentionMs)
      .catch((error: unknown) => log.warn("pruning_failed", { detail: String(error) }));
  });
  lifecycle.defer("pruning", () => pruning.cancel());

  const recorder = createRequestRecorder({ store, clock: world.clock, ...config });
  const board: SampleBoard = new Map();
  const { figures, restarts, watch, incidents } = await buildAlerts(site, lifecycle, {
    ...{ config, database, board },
  });
  return serveRpc(
    site,
    lifecycle,
    [
      implement(MonitoringService, {
        reportSamples: (request, context) =>
          reportSamples({ board, figures, restarts, nowMs: world.clock.nowMs() }, request, context),
        recordRequests: (request, context) => recorder.record(request, context),
        getRequest: (request, context) => getRequest({ store, recorder }, request, context),
        listRequests: (request, context) => listRequests(store, request, context),
        getTopology: async () =>
          getTopology(board, {
            expected: replicasOfTopology(site.topology),
            nowMs: world.clock.nowMs(),
          }),
        listAlerts: () => listAlerts(watch),
        listIncidents: (request) => listIncidents({ log: incidents, watch, world }, request),
        exposeFigures: () => exposeFigures({ figures: figures.fresh(world.clock.nowMs()), watch }),
      }),
    ],
    { "/alerts": alertsPage(watch) },
  );
}

/**
 * A database that is away is not waited for: who watches over it must come up without it. Ready
 * once the schema is there; until then it hears samples, judges, and keeps what it finds.
 */
async function prepareSchema(
  site: Site,
  lifecycle: Lifecycle,
  database: Database<Schema>,
): Promise<void> {
  const { world, log } = site;
  const prepare = async (): Promise<boolean> => {
    try {
      await migrate(database, migrations, { waitMs: 0 });
      return true;
    } catch (error) {
      if (!Fault.is(error) || error.code !== "unavailable") throw error;
      log.warn("schema_waits", { detail: error.message });
      return false;
    }
  };
  let isPrepared = await prepare();
  lifecycle.check("schema", () => isPrepared);
  lifecycle.go("schema", async (signal) => {
    while (!isPrepared && !signal.aborted) {
      await sleep(world, schemaPauseMs);
      isPrepared = await prepare();
    }
  });
}

function replicasOfTopology(topology: Topology): readonly { id: string; deployable: string }[] {
  return topology.processes.flatMap(({ hosts }) =>
    hosts.map((host) => {
      const [deployable = "", replica = ""] = host.split("/");
      return { id: `${deployable}-${replica}`, deployable };
    }),
  );
}
