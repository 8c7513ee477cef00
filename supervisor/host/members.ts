import type { Topology } from "@tandem/libs/service";
import type { SiteFile } from "../fleet/site-file.ts";
import type { SupervisorLink } from "./supervisor-link.ts";

/** Who is there to be called, as the supervisor says it: at the start by file, then by order. */
export interface Members {
  readonly topology: Topology;
  /** A release has to prove itself, so it counts what its replicas do. */
  readonly isAnyOnTrial: boolean;
  weightOf(replicaId: string): number;
  onChange(run: () => void): void;
}

export function followMembers(
  link: SupervisorLink,
  file: Pick<SiteFile, "topology" | "weights">,
): Members {
  let { topology, weights } = file;
  const listeners: (() => void)[] = [];
  link.onOrder((order) => {
    if (order.kind !== "members") return;
    ({ topology, weights } = order);
    for (const run of listeners) run();
  });
  return {
    get topology() {
      return topology;
    },
    get isAnyOnTrial() {
      return Object.keys(weights).length > 0;
    },
    weightOf: (replicaId) => weights[replicaId] ?? 1,
    onChange: (run) => void listeners.push(run),
  };
}
