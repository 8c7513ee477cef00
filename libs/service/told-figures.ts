/**
 * Figures that monitoring judges by, of what many deployables have: hot stores, journals and feeds;
 * those of databases are in `database/`. Declared once, so that one rule is right for all of them.
 */
import type { HotStore } from "../store/hot/index.ts";
import type { Journal } from "../store/journal/index.ts";
import type { Gauge } from "../telemetry/index.ts";
import type { Site } from "./site.ts";

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

/** A gauge that monitoring is told. */
export function toldGauge(
  { metrics }: Site,
  declaration: { readonly name: string; readonly help: string; readonly labels: readonly string[] },
): Gauge {
  return metrics.gauge({ ...declaration, isTold: true });
}
