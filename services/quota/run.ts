/**
 * The quota service: rate limits, budgets and the credit wallet, whose double-entry ledger is exact
 * whatever is killed, repeated or reordered. Gateways spend by themselves from leases, so no
 * request waits for this service. It fails closed with money and open with rates: without its
 * database leases run out and are not renewed, nothing is settled twice or lost; without the hot
 * store each replica grants its share of the rate limits and says so.
 */
import {
  createLifecycle,
  type Replica,
  replicasOf,
  type Site,
  serveRpc,
  tellHotStore,
} from "@tandem/libs/service";
import { implementOutbox } from "@tandem/libs/service/database";
import { subscribe } from "@tandem/libs/store";
import { openHotStore } from "@tandem/libs/store/hot";
import { requirePlatformPermission } from "./authority.ts";
import { buildBooks } from "./build-books.ts";
import { buildHandlers } from "./build-handlers.ts";
import { ChangeBoard } from "./change-board.ts";
import type { Config } from "./config.ts";
import { LimitBoard } from "./limit-board.ts";
import { LimitDesk } from "./limit-desk.ts";
import { changesChannel } from "./store/changes.ts";
import { findLimits } from "./store/limits.ts";
import { startUpkeep } from "./upkeep.ts";
import { startUsageRelay } from "./usage-relay.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log, metrics } = site;
  const books = await buildBooks(config, { site, lifecycle });
  const limits = new LimitBoard({
    find: (organisationId) => findLimits(books.database, organisationId),
    defaults: config,
  });
  const board = new ChangeBoard({ world, log, books, forget: (page) => limits.forget(page) });
  lifecycle.check("changes", () => board.isComplete);
  lifecycle.onDrain(() => board.feed.release());
  const changes = subscribe(books.database.url, changesChannel, () => board.hear(), {
    world,
    log,
    onReconnect: () => board.refresh(),
  });
  lifecycle.defer("changes", () => changes.close());

  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  tellHotStore(site, hotStore);
  const ownStore = await openHotStore("memory:", { world, log });
  lifecycle.defer("own counters", () => ownStore.close());
  const desk = new LimitDesk({
    ...{ world, log, hotStore, ownStore },
    get replicas() {
      return replicasOf(site.topology, site.deployable).length;
    },
    placesValidMs: config.placesValidMs,
    findLimits: (organisationId) => limits.limitsOf(organisationId),
  });
  startUpkeep({ books, world, log, metrics, lifecycle }, config);
  const onUsage = startUsageRelay(site, lifecycle, books);
  const nowMs = (): number => world.clock.nowMs();
  const parts = { ...config, books, board, limits, desk, metrics, log, nowMs, onUsage };
  return serveRpc(site, lifecycle, [
    buildHandlers(parts),
    implementOutbox(books.database, {
      authorise: (call) => requirePlatformPermission(call, "events:replay"),
      wake: onUsage,
    }),
  ]);
}
