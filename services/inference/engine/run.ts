/**
 * The embedded engine: an upstream of Tandem's own that generates on this machine, with nothing
 * installed by hand and no account anywhere. It listens first and gets its models afterwards, in
 * the background; until one is there its requests wait with signs of life, or are told how far it
 * is. One thread, one generation at a time, a bounded queue before it. It fails by answering 503
 * with the reason and the time to come back; a model that cannot be had keeps nothing else from
 * working.
 */
import { fileURLToPath } from "node:url";
import { createHttpServer } from "@tandem/libs/http";
import { createLifecycle, type Replica, type Site } from "@tandem/libs/service";
import type { EngineConfig } from "./config.ts";
import { Engine } from "./generation/engine.ts";
import { LoadMeter } from "./load-meter.ts";
import { declareMetrics } from "./metrics.ts";
import type { OperationTools } from "./operations/operation-tools.ts";
import { route } from "./routes.ts";

/** What is left of closing after answers had their time. */
const stopReserveMs = 2000;

export async function run(config: EngineConfig, site: Site): Promise<Replica> {
  const { world, log } = site;
  const lifecycle = createLifecycle(site);
  const engine = new Engine({
    world,
    log,
    config,
    engineDirectory: fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""),
    dataDirectory: site.dataDirectory,
  });
  const closing = new AbortController();
  const tools: OperationTools = {
    load: new LoadMeter(site.world.clock),
    engine,
    config,
    world,
    log,
    metrics: declareMetrics(site.metrics),
    closing: closing.signal,
  };
  lifecycle.defer("models", () => engine.close());
  const server = createHttpServer({
    world,
    log,
    onExchange: (exchange) => {
      const { path } = exchange.head;
      if (path === "/livez") exchange.respond(200, [], "ok");
      else if (path === "/readyz") exchange.respond(lifecycle.isDraining ? 503 : 200, [], "");
      else void route(exchange, tools);
    },
  });
  await server.listen(site.address);
  lifecycle.defer("server", async ({ deadlineMs }) => {
    // Answers under way may finish; what would outlast the deadline is told so instead of cut.
    const timer = world.timers.after(Math.max(0, deadlineMs - stopReserveMs), () =>
      closing.abort(),
    );
    await server.close({ deadlineMs });
    timer.cancel();
    closing.abort();
  });
  lifecycle.go("prepare models", (signal) => engine.prepare(signal));
  return lifecycle.replica(site.address);
}
