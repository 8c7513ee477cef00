import type { Lifecycle, Site } from "@tandem/libs/service";
import type { Database } from "@tandem/libs/store";
import { type AlertWatch, startAlertWatch } from "./alert-watch.ts";
import { createWebhook } from "./alert-webhook.ts";
import { createViews } from "./build-view.ts";
import type { Config } from "./config.ts";
import { RestartCounter } from "./core/alerts/restarts.ts";
import { FigureBoard } from "./figure-board.ts";
import type { SampleBoard } from "./operations/report-samples.ts";
import { createIncidentLog, type IncidentLog } from "./store/incident-log.ts";
import type { Schema } from "./store/migrations.ts";

const pruningPeriodMs = 3_600_000;

export interface Alerts {
  readonly figures: FigureBoard;
  readonly restarts: RestartCounter;
  readonly watch: AlertWatch;
  readonly incidents: IncidentLog;
}

/** What alerts are judged by, who judges, and the log of what was found. */
export async function buildAlerts(
  site: Site,
  lifecycle: Lifecycle,
  given: {
    readonly config: Config;
    readonly database: Database<Schema>;
    readonly board: SampleBoard;
  },
): Promise<Alerts> {
  const { world, log } = site;
  const { config } = given;
  const figures = new FigureBoard();
  const restarts = new RestartCounter();
  const incidents = createIncidentLog(given.database);
  const watch = await startAlertWatch(site, lifecycle, {
    log: incidents,
    viewOf: createViews(site, { samples: given.board, figures, restarts }),
    webhook: createWebhook(site, lifecycle, config.alertWebhook),
  });
  const pruning = world.timers.every(pruningPeriodMs, () => {
    incidents
      .deleteClosedBefore(world.clock.nowMs() - config.incidentRetentionMs)
      .catch((error: unknown) => log.warn("pruning_failed", { detail: String(error) }));
  });
  lifecycle.defer("pruning of incidents", () => pruning.cancel());
  return { figures, restarts, watch, incidents };
}
