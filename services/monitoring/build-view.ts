import { replicasOf, type Site } from "@tandem/libs/service";
import type { AlertView, BurnFacts, ReplicaFacts, ToldFigure } from "./core/alerts/alert-view.ts";
import { BurnWindow } from "./core/alerts/burn-window.ts";
import type { RestartCounter } from "./core/alerts/restarts.ts";
import { isPresent } from "./core/verdict.ts";
import type { FigureBoard } from "./figure-board.ts";
import type { SampleBoard } from "./operations/report-samples.ts";

/** From here on what has never been ready is missing, and not still starting. */
const startPatienceMs = 60_000;
const minuteMs = 60_000;

interface Parts {
  readonly samples: SampleBoard;
  readonly figures: FigureBoard;
  readonly restarts: RestartCounter;
}

interface Burn {
  readonly errors: BurnWindow;
  readonly late: BurnWindow;
}

/** Collects what rules judge by, once a look. */
export function createViews(site: Site, parts: Parts): (isOpen: AlertView["isOpen"]) => AlertView {
  const { clock } = site.world;
  const startedMs = clock.nowMs();
  const wasReady = new Set<string>();
  const burns = new Map<string, Burn>();
  return (isOpen) => {
    const nowMs = clock.nowMs();
    const figures = parts.figures.fresh(nowMs);
    countBurns(burns, figures, nowMs);
    const burn = (of: keyof Burn, shortMs: number, longMs: number): readonly BurnFacts[] =>
      [...burns].map(([subject, { [of]: window }]) => ({
        subject,
        short: window.since(shortMs, nowMs),
        long: window.since(longMs, nowMs),
      }));
    const all = replicasOf(site.topology).map((name) => factsOf(name, parts.samples, nowMs));
    for (const { id, deployable, isReady } of all) {
      if (isReady) wasReady.add(id).add(deployable);
    }
    const isLate = nowMs - startedMs > startPatienceMs;
    const isExpected = ({ id, deployable }: ReplicaFacts): boolean =>
      isLate || wasReady.has(id) || wasReady.has(deployable);
    return {
      nowMs,
      replicas: all.filter(isExpected),
      restarts: parts.restarts.recent(nowMs),
      figures,
      errorsFast: burn("errors", 5 * minuteMs, 60 * minuteMs),
      errorsSlow: burn("errors", 30 * minuteMs, 360 * minuteMs),
      lateFast: burn("late", 5 * minuteMs, 30 * minuteMs),
      isOpen,
    };
  };
}

function factsOf(
  { id, deployable }: { readonly id: string; readonly deployable: string },
  samples: SampleBoard,
  nowMs: number,
): ReplicaFacts {
  const sample = samples.get(id);
  const isThere =
    sample !== undefined && isPresent({ ...sample, atMs: Number(sample.atMs) }, nowMs);
  if (!isThere) return { id, deployable, isReady: false, note: "silent" };
  const { state, unreadyChecks } = sample;
  return { id, deployable, isReady: state === "ready", note: unreadyChecks.join(", ") || state };
}

/** By gateway, over all routers. */
function countBurns(burns: Map<string, Burn>, figures: readonly ToldFigure[], nowMs: number): void {
  const errors = new Map<string, Map<string, { total: number; bad: number }>>();
  const late = new Map<string, Map<string, { total: number; bad: number }>>();
  const countOf = (counts: typeof errors, { source, labels }: ToldFigure) => {
    const gateway = labels["gateway"] ?? "";
    const bySource = counts.get(gateway) ?? new Map<string, { total: number; bad: number }>();
    counts.set(gateway, bySource);
    const count = bySource.get(source) ?? { total: 0, bad: 0 };
    bySource.set(source, count);
    return count;
  };
  for (const figure of figures) {
    if (figure.name === "tandem_router_requests_total") {
      const count = countOf(errors, figure);
      count.total += figure.value;
      if (isFailure(figure.labels)) count.bad += figure.value;
    } else if (figure.name === "tandem_router_streams_begun_total") {
      countOf(late, figure).total += figure.value;
    } else if (figure.name === "tandem_router_streams_late_total") {
      countOf(late, figure).bad += figure.value;
    }
  }
  for (const gateway of new Set([...errors.keys(), ...late.keys()])) {
    const burn = burns.get(gateway) ?? { errors: new BurnWindow(), late: new BurnWindow() };
    burns.set(gateway, burn);
    burn.errors.add(pairsOf(errors.get(gateway)), nowMs);
    burn.late.add(pairsOf(late.get(gateway)), nowMs);
  }
}

function pairsOf(counts: ReadonlyMap<string, { total: number; bad: number }> = new Map()) {
  return [...counts].map(([source, count]) => ({ source, ...count }));
}

/** What was not the caller's doing: the platform's refusals, and answers that broke off. */
function isFailure({ status = "", outcome }: ToldFigure["labels"]): boolean {
  return Number(status) >= 500 || outcome === "cut" || outcome === "failed";
}
