import type { Metrics } from "@tandem/libs/telemetry";
import type { SupervisorLink } from "./supervisor-link.ts";

/** Passes on to monitoring how often the supervisor replaced a process that was nearly full. */
export function tellRelieved(link: SupervisorLink, metrics: Metrics): void {
  const gauge = metrics.gauge({
    name: "tandem_memory_replacements",
    help: "Replacements for memory that was nearly used up, by kind, since the supervisor began.",
    labels: ["kind"],
    isTold: true,
  });
  link.onOrder((order) => {
    if (order.kind !== "relieved") return;
    for (const [kind, count] of Object.entries(order.counts)) gauge.set(count, { kind });
  });
}
