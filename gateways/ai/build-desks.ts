import { join } from "node:path";
import { Fault } from "@tandem/libs/kernel";
import { type Lifecycle, replicasOf, type Site, tellJournal } from "@tandem/libs/service";
import { openJournal } from "@tandem/libs/store/journal";
import { sleep, type Timers } from "@tandem/libs/world";
import type { Clients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { changesPollMs, followChanges } from "./feeds/follow-changes.ts";
import { LimitDesk } from "./limits/limit-desk.ts";
import { Refusals } from "./money/refusals.ts";
import { Settler } from "./money/settler.ts";
import { WalletDesk } from "./money/wallet-desk.ts";
import { callLimits, callSettle, callWallet, type Holder } from "./quota-calls.ts";

const tickPeriodMs = 100;
const pollDeadlineMs = changesPollMs + 2_000;
const adoptPauseMs = 1_000;
const closeDeadlineMs = 5_000;
/** What a loss of power may take of settlements, where that is not waited for. */
const syncLagMs = 5;

export interface Desks {
  readonly settler: Settler;
  readonly refusals: Refusals;
  readonly wallets: WalletDesk;
  readonly limits: LimitDesk;
}

/** Money and limits: leased here, settled there, with the journal between. */
export async function buildDesks(
  site: Site,
  lifecycle: Lifecycle,
  given: {
    readonly clients: Clients;
    readonly config: AiConfig;
    readonly vigil: Pick<Timers, "every">;
  },
): Promise<Desks> {
  const { world, log } = site;
  const { clients, config, vigil } = given;
  const holder: Holder = { id: site.id, incarnation: incarnationOf(site) };
  const journal = await openJournal(join(site.dataDirectory, "settlements"), {
    world,
    log,
    windowMs: 0,
    ...(config.wallet.durability === "process" && { syncLagMs }),
  });
  lifecycle.defer("settlement journal", () => journal.close());
  tellJournal(site, "settlements", journal);
  const settler = new Settler({
    world,
    log,
    journal,
    callQuota: (settlements) => callSettle(clients, holder, settlements),
  });
  const wallets = new WalletDesk({
    world,
    patienceMs: config.wallet.patienceMs,
    callQuota: (payer, call) => callWallet(clients, holder, { payer, call }),
  });
  const limits = new LimitDesk({
    world,
    get replicas() {
      return replicasOf(site.topology, site.deployable).length;
    },
    callQuota: (call) => callLimits(clients, holder, call),
  });
  const refusals = new Refusals({
    world,
    // A disk that does not take it is told by the journal itself; quota hears of it all the same.
    tell: (counted) => void settler.settle(counted, undefined).catch(() => undefined),
  });
  await settler.recover();
  // Closed in reverse: what was settled first, so that leases have nothing carved when they close.
  lifecycle.defer("wallet leases", () => wallets.close(), { deadlineMs: closeDeadlineMs });
  lifecycle.defer("settlements", () => settler.drain(), { deadlineMs: closeDeadlineMs });
  lifecycle.defer("counts of refused calls", () => refusals.flush());
  const desks = { settler, refusals, wallets, limits };
  followQuota(site, lifecycle, { clients, holder, vigil, ...desks });
  return desks;
}

function incarnationOf({ world }: Site): string {
  return Buffer.from(world.randomness.bytes(12)).toString("hex");
}

interface Followed extends Desks {
  readonly clients: Clients;
  readonly holder: Holder;
  readonly vigil: Pick<Timers, "every">;
}

function followQuota(site: Site, lifecycle: Lifecycle, followed: Followed): void {
  const { world } = site;
  const { clients, settler, refusals, wallets, limits } = followed;
  const timer = followed.vigil.every(tickPeriodMs, () => {
    const nowMs = world.clock.monotonicMs();
    refusals.tick(nowMs);
    settler.tick(nowMs);
    wallets.tick(nowMs);
    limits.tick(nowMs);
  });
  lifecycle.defer("quota timer", () => timer.cancel());
  lifecycle.go("changes of quota", (signal) =>
    followChanges({
      world,
      signal,
      watch: (afterSequence, waitMs) =>
        clients.quota.watchChanges({ afterSequence, waitMs }, { deadlineMs: pollDeadlineMs }),
      onChange: (organisationIds) => {
        limits.forget(organisationIds);
        wallets.forgetRefusals(organisationIds);
      },
    }),
  );
  lifecycle.go("leases of a former life", (signal) => giveBackOldLeases(site, followed, signal));
}

/**
 * What the last life of this replica still holds goes back to its wallets, once everything it had
 * journalled is settled.
 */
async function giveBackOldLeases(
  { world, log }: Site,
  { clients, holder, settler }: Followed,
  signal: AbortSignal,
): Promise<void> {
  const old = settler.pendingIds;
  while (!signal.aborted) {
    try {
      const { leases } = await clients.quota.adoptLeases({
        holder: holder.id,
        incarnation: holder.incarnation,
      });
      if (leases.length === 0) return;
      while (!signal.aborted && !settler.isSettled(old)) await sleep(world, adoptPauseMs);
      const leaseIds = leases.map(({ leaseId }) => leaseId);
      const { releasedNanos } = await clients.quota.releaseLeases({ holder: holder.id, leaseIds });
      log.info("old_leases_released", {
        leases: leaseIds.length,
        nanos: Number(releasedNanos),
      });
      return;
    } catch (error) {
      log.warn("old_leases_kept", { reason: Fault.from(error).reason });
      await sleep(world, adoptPauseMs);
    }
  }
}
