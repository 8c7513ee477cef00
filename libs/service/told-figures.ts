/**
 * Figures that monitoring judges by, of what many deployables have: stores, journals, outboxes and
 * feeds. Declared here once, so that one rule is right for all of them.
 */

import {
  type Database,
  type Executor,
  type HotStore,
  type Journal,
  outboxStatus,
  sql,
} from "../store/index.ts";
import type { Gauge } from "../telemetry/index.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./site.ts";

const probePeriodMs = 2_000;
const outboxPeriodMs = 10_000;

/** Tells whether a replica reaches its database, also while nobody asks it for anything. */
export function tellDatabase(
  site: Site,
  lifecycle: Lifecycle,
  database: Pick<Database<unknown>, "isReachable"> & Executor,
): void {
  const labels = { service: site.deployable };
  toldGauge(site, {
    name: "tandem_database_reachable",
    help: "1 while the service reaches its database, else 0.",
    labels: ["service"],
  }).follow(() => Number(database.isReachable), labels);
  everyPeriod(site, lifecycle, {
    name: "database probe",
    periodMs: probePeriodMs,
    // Its failure is seen by the database itself, and told above.
    run: async () => void (await sql`select 1`.execute(database)),
  });
}

export function tellHotStore(site: Site, hotStore: Pick<HotStore, "isReachable">): void {
  toldGauge(site, {
    name: "tandem_hot_store_reachable",
    help: "1 while the replica reaches the hot store, else 0.",
    labels: ["replica"],
  }).follow(() => Number(hotStore.isReachable), { replica: site.id });
}

/** Tells whether a journal takes what must not be lost. `name` says what is in it. */
export function tellJournal(site: Site, name: string, journal: Pick<Journal, "isFailing">): void {
  toldGauge(site, {
    name: "tandem_journal_failing",
    help: "1 from a write that the disk refused until one succeeds, else 0.",
    labels: ["journal", "replica"],
  }).follow(() => Number(journal.isFailing), { journal: name, replica: site.id });
}

/** Tells how many events wait to be delivered, for how long, and how many were given up. */
export function tellOutbox(site: Site, lifecycle: Lifecycle, database: Executor): void {
  const labels = { service: site.deployable };
  const gauge = (name: string, help: string): Gauge =>
    toldGauge(site, { name, help, labels: ["service"] });
  const parked = gauge("tandem_events_parked", "Events that were given up after ten tries.");
  const pending = gauge("tandem_events_pending", "Events that wait for their delivery.");
  const oldest = gauge("tandem_events_oldest_seconds", "How long the oldest of them has waited.");
  everyPeriod(site, lifecycle, {
    name: "outbox figures",
    periodMs: outboxPeriodMs,
    run: async () => {
      const status = await outboxStatus(database);
      parked.set(status.parked, labels);
      pending.set(status.pending, labels);
      oldest.set(status.oldestPendingMs / 1_000, labels);
    },
  });
}

/** What became of one feed of changes: a long poll that others answer. */
export interface FeedFigures {
  /** Its source answered. */
  heard(): void;
  /** What it said made no sense; the last good state stays. */
  refused(): void;
  taken(): void;
}

/** `pollMs` is how long its source may take to answer while there is nothing new. */
export function tellFeed(
  site: Site,
  { feed, pollMs }: { readonly feed: string; readonly pollMs: number },
): FeedFigures {
  const { clock } = site.world;
  const labels = { feed, replica: site.id };
  let heardMs = clock.monotonicMs();
  toldGauge(site, {
    name: "tandem_feed_late_seconds",
    help: "How long a feed of changes has been silent beyond the time that it may be.",
    labels: ["feed", "replica"],
  }).follow(() => Math.max(0, clock.monotonicMs() - heardMs - pollMs) / 1_000, labels);
  const refused = toldGauge(site, {
    name: "tandem_feed_refused",
    help: "1 while the newest state of a feed makes no sense and an older one is kept, else 0.",
    labels: ["feed", "replica"],
  });
  refused.set(0, labels);
  return {
    heard: () => {
      heardMs = clock.monotonicMs();
    },
    refused: () => refused.set(1, labels),
    taken: () => refused.set(0, labels),
  };
}

function toldGauge(
  { metrics }: Site,
  declaration: { readonly name: string; readonly help: string; readonly labels: readonly string[] },
): Gauge {
  return metrics.gauge({ ...declaration, isTold: true });
}

/** One run at a time; what fails is tried again with the next period. */
function everyPeriod(
  { world, log }: Site,
  lifecycle: Lifecycle,
  task: { readonly name: string; readonly periodMs: number; readonly run: () => Promise<void> },
): void {
  let isRunning = false;
  const timer = world.timers.every(task.periodMs, () => {
    if (isRunning) return;
    isRunning = true;
    task
      .run()
      .catch((error: unknown) =>
        log.debug("figures_missed", { task: task.name, detail: String(error) }),
      )
      .finally(() => {
        isRunning = false;
      });
  });
  lifecycle.defer(task.name, () => timer.cancel());
}
