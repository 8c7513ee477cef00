import type { Lifecycle, Site } from "@tandem/libs/service";
import type { Timers } from "@tandem/libs/world";
import type { Clients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { Observer } from "./observe/observer.ts";
import { RecordBatch } from "./observe/record-batch.ts";

const tickPeriodMs = 200;
const recordDeadlineMs = 2_000;
const closeDeadlineMs = 2_000;

export function buildObserver(
  site: Site,
  lifecycle: Lifecycle,
  given: {
    readonly clients: Clients;
    readonly config: AiConfig;
    readonly streams: { readonly open: number };
    readonly vigil: Pick<Timers, "every">;
  },
): Observer {
  const { world, log, metrics } = site;
  const { clients, config, streams } = given;
  const records = new RecordBatch({
    world,
    log,
    replicaId: site.id,
    async send(batch) {
      await clients.monitoring.recordRequests(
        { records: [...batch] },
        { deadlineMs: recordDeadlineMs },
      );
    },
  });
  const observer = new Observer({
    log,
    metrics,
    records,
    detailsPerSecond: config.detailsPerSecond,
    slowMs: config.slowMs,
    streams,
  });
  const timer = given.vigil.every(tickPeriodMs, () => observer.tick());
  lifecycle.defer(
    "observer",
    async () => {
      timer.cancel();
      await records.flush();
    },
    { deadlineMs: closeDeadlineMs },
  );
  return observer;
}
