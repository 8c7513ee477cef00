/**
 * The inference service: owns the upstreams, looks after them and tells the `ai` gateways, which
 * make the attempts themselves (ADR 0007: no service call in a request's steady path). It fails
 * soft: without its database it still tells what the file declares and what it knew; without
 * upstreams it says so in `/readyz` never, since a platform without a model still manages.
 */
import { InferenceService } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import { implement } from "@tandem/libs/rpc";
import {
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { migrate, openDatabase, subscribe } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { type DeclaredUpstream, declareUpstream } from "./core/declared-upstream.ts";
import { createDirectory } from "./discovery/directory.ts";
import { Lookout } from "./discovery/lookout.ts";
import { deleteUpstream } from "./operations/delete-upstream.ts";
import { leaseCapacity } from "./operations/lease-capacity.ts";
import { listUpstreams } from "./operations/list-upstreams.ts";
import { putUpstream } from "./operations/put-upstream.ts";
import { reportAttempts } from "./operations/report-attempts.ts";
import { testUpstream } from "./operations/test-upstream.ts";
import { watchUpstreams } from "./operations/watch-upstreams.ts";
import { createCredentialCipher } from "./store/credential-cipher.ts";
import { migrations, type Schema } from "./store/migrations.ts";
import { changesChannel, createUpstreamStore, resealCredentials } from "./store/upstream-store.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize: 4 });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);

  const cipher = createCredentialCipher(site.keys.apiKeyPepper);
  // Until 28 November 2026 the supervisor gave this service an empty secret.
  const former = createCredentialCipher(Buffer.alloc(0));
  const resealed = await resealCredentials(database, { cipher, former });
  if (resealed > 0) log.warn("credentials_resealed", { count: resealed });

  const store = createUpstreamStore(database, cipher);
  const directory = createDirectory(world, { store, declared: declaredUpstreams(config, site) });
  lifecycle.check("upstreams", () => directory.isComplete);
  lifecycle.onDrain(() => directory.feed.release());
  const refresh = (): Promise<void> => directory.refresh();
  const changes = subscribe(
    database.url,
    changesChannel,
    () => void refresh().catch((error: unknown) => log.warn("refresh_failed", { error })),
    { world, log, onReconnect: refresh },
  );
  lifecycle.defer("changes", () => changes.close());

  const models = connectRpc(site, lifecycle, { service: ModelsService, deployable: "models" });
  const lookout = new Lookout({ site, store, directory, models, ...config });
  const rounds = world.timers.every(config.probePeriodMs, () => void lookout.round());
  lifecycle.defer("lookout", () => rounds.cancel());
  void lookout.round();

  const admission = { allowPrivate: config.privateAddresses === "allow" };
  const parts = { store, directory, admission, world };
  return serveRpc(site, lifecycle, [
    implement(InferenceService, {
      watchUpstreams: (request, context) => watchUpstreams(directory, request, context),
      putUpstream: (request, context) => putUpstream(parts, request, context),
      deleteUpstream: (request, context) => deleteUpstream(parts, request, context),
      listUpstreams: async () => listUpstreams(directory),
      testUpstream: (request, context) => testUpstream(parts, request, context),
      reportAttempts: (request, context) => reportAttempts(lookout, request, context),
      leaseCapacity: (request, context) => leaseCapacity(parts, request, context),
    }),
  ]);
}

/** What needs no database: the file's upstreams, the detected ones, the embedded engine. */
function declaredUpstreams(config: Config, site: Site): readonly DeclaredUpstream[] {
  const fromFile = config.upstreams.map(({ apiKey, ...upstream }) =>
    declareUpstream({
      ...upstream,
      role: upstream.role,
      source: "file",
      apiKey: apiKey?.reveal() ?? "",
    }),
  );
  const detected = config.detected.map((upstream) =>
    declareUpstream({ ...upstream, source: "detected" }),
  );
  const engines = config.engine ? site.addressesOf("engine") : [];
  const embedded = engines.map((address, index) =>
    declareUpstream({
      name: engines.length === 1 ? "engine" : `engine-${index + 1}`,
      profile: "engine",
      baseUrl: address.startsWith("unix:") ? `${address}:/v1` : `http://${address.slice(4)}/v1`,
      source: "engine",
    }),
  );
  return [...fromFile, ...detected, ...embedded];
}
