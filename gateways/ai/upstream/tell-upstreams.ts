import type { Metrics } from "@tandem/libs/telemetry";
import type { LiveUpstream } from "./live-upstream.ts";

type Told = Pick<LiveUpstream, "health"> & {
  readonly settings: Pick<LiveUpstream["settings"], "name" | "state">;
};

/** Tells monitoring which upstreams this gateway may call. Those that were taken away are well. */
export function tellUpstreams(
  metrics: Metrics,
): (upstreams: Iterable<Told>, nowMs: number) => void {
  const available = metrics.gauge({
    name: "tandem_upstream_available",
    help: "1 while calls may go to the upstream, else 0.",
    labels: ["upstream"],
    isTold: true,
  });
  const told = new Set<string>();
  return (upstreams, nowMs) => {
    const gone = new Set(told);
    for (const { settings, health } of upstreams) {
      gone.delete(settings.name);
      told.add(settings.name);
      const isOut = settings.state === "down" || health.availability(nowMs) === "out";
      available.set(Number(!isOut), { upstream: settings.name });
    }
    for (const upstream of gone) available.set(1, { upstream });
  };
}
