/**
 * The monitoring service: what every replica says of itself, one verdict from it, and what became
 * of each request. Its replicas need no leader: processes tell all of them their samples, and
 * records go to one database. It fails soft: without the database recent requests are answered from
 * memory, and nobody's request waits for it.
 */
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { implement } from "@tandem/libs/rpc";
import {
  createLifecycle,
  databaseUrlOf,
  type Replica,
  type Site,
  serveRpc,
  type Topology,
} from "@tandem/libs/service";
import { migrate, openDatabase } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { getRequest } from "./operations/get-request.ts";
import { getTopology } from "./operations/get-topology.ts";
import { listRequests } from "./operations/list-requests.ts";
import { createRequestRecorder } from "./operations/record-requests.ts";
import { reportSamples, type SampleBoard } from "./operations/report-samples.ts";
import { migrations, type Schema } from "./store/migrations.ts";
import { createRequestStore } from "./store/request-store.ts";

const pruningPeriodMs = 600_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize: 4 });
  lifecycle.defer("database", () => database.destroy());
  await migrate(database, migrations);

  const store = createRequestStore(database);
  const pruning = world.timers.every(pruningPeriodMs, () => {
    store
      .deleteOlderThan(config.retentionMs)
      .catch((error: unknown) => log.warn("pruning_failed", { detail: String(error) }));
  });
  lifecycle.defer("pruning", () => pruning.cancel());

  const recorder = createRequestRecorder({ store, clock: world.clock, ...config });
  const board: SampleBoard = new Map();
  return serveRpc(site, lifecycle, [
    implement(MonitoringService, {
      reportSamples: (request, context) => reportSamples(board, request, context),
      recordRequests: (request, context) => recorder.record(request, context),
      getRequest: (request, context) => getRequest({ store, recorder }, request, context),
      listRequests: (request, context) => listRequests(store, request, context),
      getTopology: async () =>
        getTopology(board, {
          expected: replicasOfTopology(site.topology),
          nowMs: world.clock.nowMs(),
        }),
    }),
  ]);
}

function replicasOfTopology(topology: Topology): readonly { id: string; deployable: string }[] {
  return topology.processes.flatMap(({ hosts }) =>
    hosts.map((host) => {
      const [deployable = "", replica = ""] = host.split("/");
      return { id: `${deployable}-${replica}`, deployable };
    }),
  );
}
