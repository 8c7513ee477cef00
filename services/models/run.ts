/**
 * The models service: the catalogue of models, their prices with validity, aliases, and the rules
 * of `auto`, as one versioned snapshot that gateways hold. It fails soft: without its database the
 * last snapshot is told on and changes are refused; without a replica gateways keep theirs, on
 * disk.
 */
import { hash } from "node:crypto";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import { implement } from "@tandem/libs/rpc";
import { createLifecycle, type Replica, type Site, serveRpc } from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { migrate, openDatabase, subscribe } from "@tandem/libs/store";
import { createCatalogueBoard } from "./catalogue-board.ts";
import type { Config } from "./config.ts";
import { declaredCatalogue } from "./core/declared-catalogue.ts";
import { deleteAlias, putAlias } from "./operations/change-aliases.ts";
import { deleteRule, putRule } from "./operations/change-rules.ts";
import { deleteModel } from "./operations/delete-model.ts";
import { listPrices } from "./operations/list-prices.ts";
import { putModel } from "./operations/put-model.ts";
import { putPrice } from "./operations/put-price.ts";
import { recordDiscovery } from "./operations/record-discovery.ts";
import { watchCatalogue } from "./operations/watch-catalogue.ts";
import { changesChannel, createCatalogueStore } from "./store/catalogue-store.ts";
import { migrations, type Schema } from "./store/migrations.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize: 4 });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);

  const store = createCatalogueStore(database);
  const declared = declaredCatalogue(config);
  await store.recordDeclaration(site.id, digestOf(declared));
  const board = createCatalogueBoard(world, { store, declared });
  lifecycle.check("catalogue", () => board.isComplete);
  lifecycle.onDrain(() => board.feed.release());
  const changes = subscribe(
    database.url,
    changesChannel,
    () => void board.refresh().catch((error: unknown) => log.warn("refresh_failed", { error })),
    { world, log, onReconnect: () => board.refresh() },
  );
  lifecycle.defer("changes", () => changes.close());

  const parts = { store, board, world };
  return serveRpc(site, lifecycle, [
    implement(ModelsService, {
      watchCatalogue: (request, context) => watchCatalogue(board, request, context),
      putModel: (request, context) => putModel(parts, request, context),
      deleteModel: (request, context) => deleteModel(parts, request, context),
      putPrice: (request, context) => putPrice(parts, request, context),
      listPrices: async (request) => listPrices(board, request),
      putAlias: (request, context) => putAlias(parts, request, context),
      deleteAlias: (request, context) => deleteAlias(parts, request, context),
      putRule: (request, context) => putRule(parts, request, context),
      deleteRule: (request, context) => deleteRule(parts, request, context),
      recordDiscovery: (request, context) => recordDiscovery(parts, request, context),
    }),
  ]);
}

/** The same for the same declarations; JSON has no integers of 64 bits. */
function digestOf(declared: object): string {
  const text = JSON.stringify(declared, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return hash("sha256", text);
}
