import type { Metrics } from "@tandem/libs/telemetry";
import type { SupervisorLink } from "./supervisor-link.ts";

/** Passes on to monitoring what the supervisor says of its last upgrade. */
export function tellRollout(link: SupervisorLink, metrics: Metrics): void {
  const gauge = metrics.gauge({
    name: "tandem_upgrade_rolled_back",
    help: "1 from an upgrade that was rolled back until the next one begins.",
    labels: ["why"],
    isTold: true,
  });
  let told = "";
  link.onOrder((order) => {
    if (order.kind !== "rollout") return;
    if (told !== "") gauge.set(0, { why: told });
    told = order.rolledBack;
    if (told !== "") gauge.set(1, { why: told });
  });
}
