/**
 * The quota service: rate limits, budgets and the credit wallet, whose double-entry ledger is exact
 * whatever is killed, repeated or reordered. Gateways spend by themselves from leases, so no request
 * waits for this service. It fails closed with money and open with rates: without its database
 * leases run out and are not renewed, nothing is settled twice or lost; without the hot store each
 * replica grants its share of the rate limits and says so.
 */
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { implement } from "@tandem/libs/rpc";
import {
  createLifecycle,
  databaseUrlOf,
  type Replica,
  replicasOf,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import { migrate, openDatabase, openHotStore, subscribe } from "@tandem/libs/store";
import { ChangeBoard } from "./change-board.ts";
import type { Config } from "./config.ts";
import { LimitBoard } from "./limit-board.ts";
import { LimitDesk } from "./limit-desk.ts";
import { adoptLeasesOperation } from "./operations/adopt-leases.ts";
import { deleteBudgetOperation } from "./operations/delete-budget.ts";
import { deleteLimitOperation } from "./operations/delete-limit.ts";
import { getBalanceOperation } from "./operations/get-balance.ts";
import { grantCreditOperation } from "./operations/grant-credit.ts";
import { leaseLimitsOperation } from "./operations/lease-limits.ts";
import { leaseWalletOperation } from "./operations/lease-wallet.ts";
import { listAnomaliesOperation } from "./operations/list-anomalies.ts";
import { listBudgetsOperation } from "./operations/list-budgets.ts";
import { listLimitsOperation } from "./operations/list-limits.ts";
import { listTransfersOperation } from "./operations/list-transfers.ts";
import { releaseLeasesOperation } from "./operations/release-leases.ts";
import { setBudgetOperation } from "./operations/set-budget.ts";
import { setLimitOperation } from "./operations/set-limit.ts";
import { settleOperation } from "./operations/settle.ts";
import { verifyLedgerOperation } from "./operations/verify-ledger.ts";
import { watchChangesOperation } from "./operations/watch-changes.ts";
import { type Books, databaseClock } from "./store/books.ts";
import { changesChannel } from "./store/changes.ts";
import { Ledger } from "./store/ledger.ts";
import { findLimits } from "./store/limits.ts";
import { migrations } from "./store/migrations.ts";
import { Turns } from "./store/turns.ts";
import { startUpkeep } from "./upkeep.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log, metrics } = site;
  const books = await openBooks(config, site, lifecycle);
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
  const ownStore = await openHotStore("memory:", { world, log });
  lifecycle.defer("own counters", () => ownStore.close());
  const desk = new LimitDesk({
    ...{ world, log, hotStore, ownStore },
    replicas: replicasOf(site.topology, site.deployable).length,
    placesValidMs: config.placesValidMs,
    findLimits: (organisationId) => limits.limitsOf(organisationId),
  });
  startUpkeep({ books, world, log, metrics, lifecycle }, config);

  const settled = metrics.counter({
    name: "tandem_settlements_total",
    help: "Settlements by what became of them: settled, refused, waiting.",
    labels: ["outcome"],
  });
  const money = { books, currency: config.currency };
  const isVerifying = { value: false };
  const leasing = { desk, ...config, sequence: () => board.feed.version };
  return serveRpc(site, lifecycle, [
    implement(QuotaService, {
      leaseLimits: (request, context) => leaseLimitsOperation(leasing, request, context),
      leaseWallet: (request, context) => leaseWalletOperation(books, request, context),
      adoptLeases: (request, context) => adoptLeasesOperation(books, request, context),
      releaseLeases: (request, context) => releaseLeasesOperation(books, request, context),
      settle: (request, context) => settleOperation({ books, settled }, request, context),
      watchChanges: (request, context) => watchChangesOperation({ books, board }, request, context),
      getBalance: (request, context) => getBalanceOperation(money, request, context),
      grantCredit: (request, context) => grantCreditOperation(money, request, context),
      listTransfers: (request, context) => listTransfersOperation(books, request, context),
      verifyLedger: (_, context) => verifyLedgerOperation({ books, isVerifying }, context),
      setLimit: (request, context) => setLimitOperation(books, request, context),
      deleteLimit: (request, context) => deleteLimitOperation(books, request, context),
      listLimits: (request, context) => listLimitsOperation(limits, request, context),
      setBudget: (request, context) => setBudgetOperation(money, request, context),
      deleteBudget: (request, context) => deleteBudgetOperation(books, request, context),
      listBudgets: (request, context) => listBudgetsOperation(books, request, context),
      listAnomalies: (request, context) => listAnomaliesOperation(books, request, context),
    }),
  ]);
}

async function openBooks(
  config: Config,
  site: Site,
  lifecycle: ReturnType<typeof createLifecycle>,
): Promise<Books> {
  const { world, log } = site;
  const { poolSize } = config;
  const database = openDatabase<unknown>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  await migrate(database, migrations);
  return {
    database,
    world,
    ledger: new Ledger(database, world),
    turns: new Turns(),
    clock: databaseClock,
    times: {
      validMs: config.leaseValidMs,
      graceMs: config.leaseGraceMs,
      requestMs: config.requestMaxMs,
    },
  };
}
